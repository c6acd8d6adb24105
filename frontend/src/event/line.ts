// The line as one who waits sees it: how many are ahead, how long it may take, when to ask and
// when to knock. Pure: moments are arguments (Unix ms), and so is chance (0 to 1).

import { type Lane, LANES, type Serving, type Wait } from "./state.ts";

/** One may stand in line so long before the doors open: all who do are shuffled then. */
export const EARLY_MS = 30 * 60_000;
/** Pages that were open before knock within this time, not in the same moment. */
export const EARLY_SPREAD_MS = 60_000;
/** Without news of the line for so long, the door itself is asked: a look is held for up to 55 s. */
export const SILENCE_MS = 75_000;

/** So many a second ask for their final number when a bucket closes, */
export const SETTLE_PER_S = 5_000;
/** and nobody waits longer for it: a place is kept for five minutes. */
export const SETTLE_MOST_MS = 60_000;

/** A place in the line. Only `place` is shown at the door; the rest is for the reader. */
export interface InLine {
  readonly place: string;
  readonly lane: Lane;
  /** From 1 on, in its lane. Provisional until `final`. */
  readonly number: number;
  readonly final: boolean;
  /** People who go first, over all lanes, at `at_ms`. */
  readonly ahead: number;
  /** So many a second go in, as far as is known; and fewer than `least` are not ahead: of that the
   * gate would have told. */
  readonly rate_per_s: number;
  readonly least: number;
  /** Seconds until one's own turn: those ahead and oneself over the rate; null: not measured. */
  readonly estimate_s: number | null;
  /** The number may come in, as far as this page knows. */
  readonly called: boolean;
  /** From this moment on the door is asked for the final number; null: it is final, or open. */
  readonly settled_ms: number | null;
  /** Called, but told to wait again, so many times on end. */
  readonly again: number;
  /** When the door or serving.json said so. */
  readonly at_ms: number;
  readonly knocked_ms: number;
}

/** The door said to wait. `before`: the place as it was until now. */
export function wait(verdict: Wait, before: InLine | null, now_ms: number): InLine {
  const { place, lane, number, final, ahead } = verdict;
  // The door says how long those ahead take. Who is next still waits for a seat: how long is
  // known when serving.json has told the rate.
  const each_s = ahead > 0 && verdict.estimate_s !== null ? verdict.estimate_s / ahead : null;
  const estimate_s = each_s === null ? null : each_s * (ahead + 1);
  const again = before?.called ? before.again + 1 : 0;
  return {
    place,
    lane,
    number,
    final,
    ahead,
    rate_per_s: 0,
    least: ahead,
    estimate_s,
    called: final && number <= verdict.serving,
    settled_ms: null,
    again,
    at_ms: now_ms,
    knocked_ms: now_ms,
  };
}

/** serving.json was read. */
export function moved(line: InLine, serving: Serving, now_ms: number, chance: number): InLine {
  const { lane, number, final } = line;
  const ahead = peopleAhead(line, serving);
  const settled = !final && number <= serving.closed_upto[lane];
  // A whole bucket learns in one second that its order is drawn; it asks one after the other.
  const asking = Math.max(0, serving.closed_upto[lane] - serving.serving[lane]);
  const spread_ms = Math.min(SETTLE_MOST_MS, (asking / SETTLE_PER_S) * 1000);
  return {
    ...line,
    ahead,
    rate_per_s: serving.rate_per_s,
    least: Math.max(0, ahead - strideOf(line, serving)),
    estimate_s: serving.rate_per_s > 0 ? (ahead + 1) / serving.rate_per_s : null,
    called: number <= serving.serving[lane],
    settled_ms: settled ? (line.settled_ms ?? now_ms + chance * spread_ms) : null,
    at_ms: now_ms,
  };
}

/** People ahead by now, as one may suppose until the next look: never fewer than there can be. */
export function aheadAt(line: InLine, now_ms: number): number {
  const gone = Math.max(0, Math.floor(((now_ms - line.at_ms) / 1000) * line.rate_per_s));
  return Math.max(Math.min(line.least, line.ahead), line.ahead - gone);
}

/** The first number of one's lane that may be one's own: in a bucket that is open anybody may be
 * its first. */
function firstOf(line: Pick<InLine, "lane" | "number" | "final">, serving: Serving): number {
  return line.final ? line.number : serving.closed_upto[line.lane] + 1;
}

/**
 * By how much one's lane is to move before the next look is answered: to one's turn when that comes
 * soon, else by a part of those ahead.
 */
function strideOf(line: Pick<InLine, "lane" | "number" | "final">, serving: Serving): number {
  const ahead = Math.max(1, firstOf(line, serving) - serving.serving[line.lane]);
  if (ahead <= SOON_S * serving.rate_per_s) return ahead;
  return ahead <= NEARBY ? Math.max(1, Math.floor(ahead / 4)) : Math.floor((ahead * 3) / 4);
}

/** Those who wait in lanes served before, and those before one in one's own. */
export function peopleAhead(line: Pick<InLine, "lane" | "number">, serving: Serving): number {
  let ahead = Math.max(0, line.number - serving.serving[line.lane] - 1);
  for (const lane of LANES.slice(0, LANES.indexOf(line.lane)))
    ahead += Math.max(0, serving.joined[lane] - serving.serving[lane]);
  return ahead;
}

/** Whether to knock now: it is one's turn, the number is settled, or nothing was heard for long. */
export function turn(line: InLine, now_ms: number): boolean {
  const rested = now_ms - line.knocked_ms >= Math.min(8_000, 1_000 * 2 ** line.again);
  if (!rested) return false;
  const settled = line.settled_ms !== null && now_ms >= line.settled_ms;
  return line.called || settled || now_ms - line.at_ms >= SILENCE_MS;
}

/** The next look at serving.json: after how long, and with which query ("": an ordinary look). */
export interface Look {
  readonly wait_ms: number;
  readonly query: string;
}

/** The pause between two looks that the gate holds; a word of the host takes no longer. */
export const PAUSE_MS = 1_500;
export const PAUSE_NEAR_MS = 500;
/** Whose turn comes within so long waits for nothing but that. */
const SOON_S = 10;

/** Whoever has no more than so many before them looks often, however slowly the line moves. */
export const NEARBY = 100;

/** People ahead at most: until the order of a bucket is drawn, all that are in it may be. */
function depth(line: InLine, serving: Serving): number {
  const bucket = serving.joined[line.lane] - serving.closed_upto[line.lane];
  return line.final ? line.ahead : Math.max(line.ahead, bucket);
}

/**
 * A look names the news it has seen and the number that its lane is to reach, and the gate holds it
 * until there is other news, the lane is there, or most of a minute has passed. So looks are few,
 * news is fresh, and nobody's turn is missed. A gate that holds none is asked as often as it says,
 * spread by a quarter.
 */
export function look(line: InLine | null, serving: Serving | null, chance: number): Look {
  if (!serving) return { wait_ms: 1_000 + 1_000 * chance, query: "" };
  const soon = Math.max(NEARBY, 2 * (serving.far_ms / 1000) * serving.rate_per_s);
  const near = line !== null && depth(line, serving) <= soon;
  if (serving.mark === "") {
    const wait_ms = (near ? serving.near_ms : serving.far_ms) * (0.75 + 0.5 * chance);
    return { wait_ms, query: "" };
  }
  const query = `?after=${serving.mark}`;
  if (line === null) return { wait_ms: PAUSE_MS * chance, query };
  const until = serving.serving[line.lane] + strideOf(line, serving);
  return {
    wait_ms: (near ? PAUSE_NEAR_MS : PAUSE_MS) * chance,
    query: `${query}&until=${LANES.indexOf(line.lane)}.${until}`,
  };
}

/** How long it may take, as precise as such a guess deserves. */
export type Estimate =
  | { readonly unit: "unknown" }
  | { readonly unit: "soon" }
  | { readonly unit: "minutes"; readonly n: number }
  | { readonly unit: "hours"; readonly n: number }
  | { readonly unit: "longer"; readonly n: number };

const LONGEST_H = 12;

export function estimate(seconds: number | null): Estimate {
  if (seconds === null) return { unit: "unknown" };
  if (seconds < 45) return { unit: "soon" };
  const minutes = seconds / 60;
  if (minutes < 9.5) return { unit: "minutes", n: Math.max(1, Math.round(minutes)) };
  if (minutes < 57.5) return { unit: "minutes", n: Math.round(minutes / 5) * 5 };
  const hours = Math.max(1, Math.round(minutes / 30) / 2);
  return hours > LONGEST_H ? { unit: "longer", n: LONGEST_H } : { unit: "hours", n: hours };
}

/** When to stand in line before the doors; null: there is no such time. `chance` spreads a crowd. */
export function earlyFrom(doors_ms: number | null, opened_ms: number, chance: number) {
  if (doors_ms === null) return null;
  const first = doors_ms - EARLY_MS;
  return opened_ms >= first ? first : first + EARLY_SPREAD_MS * chance;
}

/**
 * Whether a screen reader is told the place anew: `told` is what it heard last, `told_ms` when.
 * Each step in a line of thousands would be noise; the last ten count.
 */
export function worthTelling(
  line: Pick<InLine, "number" | "final" | "ahead">,
  told: Pick<InLine, "number" | "final" | "ahead"> | null,
  since_ms: number,
): boolean {
  if (told === null || told.number !== line.number || told.final !== line.final) return true;
  if (line.ahead === told.ahead) return false;
  if (line.ahead < 10) return since_ms >= 5_000;
  return since_ms >= 30_000 && line.ahead <= told.ahead * 0.9;
}
