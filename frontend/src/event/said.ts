// Live captions as they stand: which lines are shown at a moment, and how often to ask. Pure.

import type { Latency } from "./state.ts";

/** Wall times in Unix ms, as the sound's own. */
export interface Caption {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly text: string;
}

/** Lines on the screen at most: who reads slowly has the ones before still. */
export const LINES = 3;
/** A recogniser is seconds late, and so is a look at it: so long after its end a line stays. */
export const STAYS_MS = 12_000;

/** captions.json; null when it is not one that this page can use. */
export function readCaptions(value: unknown): Caption[] | null {
  if (typeof value !== "object" || value === null) return null;
  const { cues } = value as { cues?: unknown };
  if (!Array.isArray(cues)) return null;
  return cues.flatMap((cue: unknown) => {
    if (!Array.isArray(cue)) return [];
    const [from_ms, to_ms, text] = cue as unknown[];
    const usable = typeof from_ms === "number" && typeof to_ms === "number";
    return usable && typeof text === "string" && text !== "" ? [{ from_ms, to_ms, text }] : [];
  });
}

/** What is shown when `heard_ms` is heard: the newest last. Nothing that was not said yet. */
export function shownAt(captions: readonly Caption[], heard_ms: number): readonly Caption[] {
  const said = captions.filter((one) => one.from_ms <= heard_ms);
  const last = said.at(-1);
  return last && heard_ms - last.to_ms < STAYS_MS ? said.slice(-LINES) : [];
}

/** Time between two looks: fewer, the larger the crowd. What is told reaches back much further. */
export function lookMs(latency: Latency): number {
  return { low: 2_000, plain: 3_000, long: 12_000 }[latency];
}
