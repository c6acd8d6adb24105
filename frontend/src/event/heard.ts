// What the listener hears was said some seconds ago, so who speaks is shown as late. Pure.

import type { Voice } from "./state.ts";

const KEEP = 90;
/** Of a moment further from any reading than this nobody can say who spoke. In a big crowd the state
 * is read seldom, and a name that is wrong is worse than none. */
const FRESH_MS = 4_000;

/** Voices as they were at a moment, in server time (Unix ms). Holds the last 90 readings. */
export class Heard {
  private readonly seen: { at_ms: number; voices: readonly Voice[] }[] = [];

  add(at_ms: number, voices: readonly Voice[]): void {
    const last = this.seen.at(-1);
    if (last && at_ms <= last.at_ms) return;
    this.seen.push({ at_ms, voices });
    if (this.seen.length > KEEP) this.seen.shift();
  }

  /** The newest reading not after `at_ms`, or the next one; when neither is near, who speaks is
   * not known. */
  at(at_ms: number): readonly Voice[] {
    let i = this.seen.length - 1;
    while (i >= 0 && (this.seen[i]?.at_ms ?? 0) > at_ms) i--;
    const [before, after] = [this.seen[i], this.seen[i + 1]];
    if (before && at_ms - before.at_ms <= FRESH_MS) return before.voices;
    if (after && after.at_ms - at_ms <= FRESH_MS) return after.voices;
    const known = (before ?? after)?.voices ?? [];
    return known.map((voice) => ({ ...voice, speaking: null, level: 0 }));
  }
}

const READINGS = 30;

/**
 * The server's clock less ours, in ms. A state is up to a second old when it is read, so the
 * largest difference of the last readings is the freshest one; those with a long way there
 * and back do not count.
 */
export class ServerClock {
  private readings: { offset: number; span: number }[] = [];

  add(sent_ms: number, got_ms: number, server_ms: number): void {
    const span = got_ms - sent_ms;
    if (server_ms <= 0 || span < 0) return;
    this.readings.push({ offset: server_ms - (sent_ms + got_ms) / 2, span });
    if (this.readings.length > READINGS) this.readings.shift();
  }

  get offset_ms(): number {
    if (this.readings.length === 0) return 0;
    const quick = 100 + 2 * Math.min(...this.readings.map((one) => one.span));
    const good = this.readings.filter((one) => one.span <= quick);
    return Math.max(...good.map((one) => one.offset));
  }
}
