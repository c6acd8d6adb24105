// Stops in the sound, told to the gate for the record of what listeners felt: once a minute at most,
// and at a moment of its own, for a crowd that stopped together must not ask together.

/** So long after the first stop it is told at the latest. */
const WITHIN_MS = 30_000;
const EVERY_MS = 60_000;

export interface Stops {
  readonly stalls: number;
  readonly stalled_ms: number;
}

export class Stalled {
  private told: Stops = { stalls: 0, stalled_ms: 0 };
  private due_at: number | null = null;
  private not_before = 0;

  /** What is to be told now; null: nothing. `random`: within [0, 1). */
  due(stops: Stops, now_ms: number, random: number): Stops | null {
    if (stops.stalls <= this.told.stalls) return null;
    this.due_at ??= Math.max(this.not_before, now_ms + random * WITHIN_MS);
    if (now_ms < this.due_at) return null;
    const stalls = stops.stalls - this.told.stalls;
    const stalled_ms = stops.stalled_ms - this.told.stalled_ms;
    this.told = { ...stops };
    this.due_at = null;
    this.not_before = now_ms + EVERY_MS;
    return { stalls, stalled_ms };
  }
}
