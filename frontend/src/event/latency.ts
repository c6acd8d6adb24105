// How close to the live edge, and how often to ask. Pure.

import type { Latency, Phase } from "./state.ts";

/** Who is to take the lean rendition: new listeners, all, or nobody. */
export type Lean = "new" | "all" | null;

export interface Policy {
  /** Parts and blocking reloads (RFC 8216bis, 6.2.5), segments, or long segments. */
  readonly latency: Latency;
  readonly lean: Lean;
  /** Seconds behind the live edge to aim at; null: what the playlist says (PART-HOLD-BACK). */
  readonly target_s: number | null;
  /** Further behind than this, one jump goes back to the target. */
  readonly most_s: number;
  /** Further behind the target than this, it is played a little faster than life. */
  readonly catches_up_from_s: number;
  /** Without any progress for this long the player is built anew. */
  readonly patience_ms: number;
}

const LOW = {
  latency: "low",
  target_s: null,
  most_s: 30,
  catches_up_from_s: 0.5,
  patience_ms: 6_000,
} as const;

// With a large crowd, fewer and steadier requests: no parts, a deep buffer. A segment of 1.92 s or
// a pair of 11.52 s is listed up to 0.8 of its length after it is whole (lean.ts), and the target counts from
// there: by more than a segment and what it takes to fetch the next one.
const PLAIN = {
  latency: "plain",
  target_s: 7,
  most_s: 40,
  catches_up_from_s: 3,
  patience_ms: 15_000,
} as const;
const LONG = {
  latency: "long",
  target_s: 16,
  most_s: 70,
  catches_up_from_s: 6,
  patience_ms: 20_000,
} as const;

const leans = <T>(one: T) => ({
  none: { ...one, lean: null },
  new: { ...one, lean: "new" as const },
  all: { ...one, lean: "all" as const },
});
const POLICIES = { low: leans(LOW), plain: leans(PLAIN), long: leans(LONG) };

/** What a page is to do on a rung; the same object for the same answer. */
export function policy(latency: Latency, lean: Lean = null): Policy {
  return POLICIES[latency][lean ?? "none"];
}

/** What a static host can give, where the gates would give more. */
export const fromAfar = (here: Policy): Policy =>
  here.latency === "plain" ? here : policy("plain", here.lean);

/**
 * Which rendition to ask for: the lean one (Opus, 28 kbit/s with its boxes) where the reader
 * saves data or the line is known to be thin, or has proved to be by stalling again and again; and
 * where the rung asks for it (`lean`).
 */
export function rendition(
  connection: { readonly saveData?: boolean; readonly effectiveType?: string } | undefined,
  stalls: number,
  lean = false,
): "aac" | "opus" {
  const thin = connection?.saveData === true || /2g$/.test(connection?.effectiveType ?? "");
  return lean || thin || stalls >= 4 ? "opus" : "aac";
}

/**
 * How fast to play. Speech at 1.1 is still speech; what is already loaded is kept above a
 * second, or the next hiccup would be heard. `over_s`: behind the target; `ahead_s`: loaded
 * and not yet played; `rate`: as it is now, so that it does not flutter around a threshold;
 * `from_s`: so far behind the target it begins.
 */
export function rate(over_s: number, ahead_s: number, rate: number, from_s = 0.5): number {
  if (ahead_s < 1 || over_s < 0.2) return 1;
  if (over_s <= from_s && rate === 1) return 1;
  return over_s > 3 ? 1.1 : 1.05;
}

/** Time between two readings of state.json, before jitter. */
export function pollMs(
  phase: Phase | null,
  latency: Latency,
  visible: boolean,
  until_ms: number | null,
): number {
  if (phase === null) return 1_000;
  if (phase === "live") {
    // Of a gate that holds looks until there is news this is only the pause between two (news.ts).
    if (latency !== "low") return latency === "plain" ? 5_000 : 12_000;
    return visible ? 1_000 : 3_000;
  }
  if (phase === "doors") return 2_000;
  // Its recording appears seconds after the end; the caller slows down once it is there.
  if (phase === "ended") return 2_000;
  if (phase === "cancelled") return 60_000;
  if (until_ms === null) return 5_000;
  // Announced: once a minute at most, more often as the doors come near.
  return Math.min(60_000, Math.max(2_000, until_ms / 10));
}
