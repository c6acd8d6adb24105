// How long until it begins. Pure: both moments are arguments, in Unix milliseconds.

export interface Countdown {
  /** Whole days; the clock holds the rest. */
  readonly days: number;
  /** "02:14:33" */
  readonly clock: string;
  /** The same for a screen reader's `datetime`: "P1DT2H14M33S". */
  readonly iso: string;
  /** When the shown second changes next, in ms from now. */
  readonly next_ms: number;
}

/** null once the moment has come. A started second counts: it shows 00:00:01 until the end. */
export function countdown(until_ms: number, now_ms: number): Countdown | null {
  const left = until_ms - now_ms;
  if (!(left > 0)) return null;
  const seconds = Math.ceil(left / 1000);
  const days = Math.floor(seconds / 86_400);
  const h = Math.floor(seconds / 3600) % 24;
  const m = Math.floor(seconds / 60) % 60;
  const s = seconds % 60;
  const two = (n: number) => String(n).padStart(2, "0");
  return {
    days,
    clock: `${two(h)}:${two(m)}:${two(s)}`,
    iso: `P${days}DT${h}H${m}M${s}S`,
    next_ms: left - (seconds - 1) * 1000,
  };
}
