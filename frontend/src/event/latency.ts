// How close to the live edge, and how often to ask. Pure.

import type { Latency, Phase } from "./state.ts";

export interface Policy {
  /** hls.js: use parts and blocking reloads (RFC 8216bis, sections 6.2.5 and B.1). */
  readonly lowLatencyMode: boolean;
  /** Seconds behind the live edge to aim at; null: what the playlist says (PART-HOLD-BACK). */
  readonly target_s: number | null;
  /** Further behind than this, one jump goes back to the target. */
  readonly most_s: number;
  /** Whether to play a little faster than life after falling behind. */
  readonly catches_up: boolean;
  /** Without any progress for this long the player is built anew. */
  readonly patience_ms: number;
}

const LOW: Policy = {
  lowLatencyMode: true,
  target_s: null,
  most_s: 20,
  catches_up: true,
  patience_ms: 6_000,
};

// With a large crowd, fewer and steadier requests: no parts, a deep buffer, no catching up.
const PLAIN: Policy = {
  lowLatencyMode: false,
  target_s: 8,
  most_s: 40,
  catches_up: false,
  patience_ms: 15_000,
};

export function policy(latency: Latency): Policy {
  return latency === "low" ? LOW : PLAIN;
}

/**
 * Which rendition to ask for: the lean one (Opus, 28 kbit/s with its boxes) where the reader
 * saves data or the line is known to be thin, or has proved to be by stalling again and again.
 */
export function rendition(
  connection: { readonly saveData?: boolean; readonly effectiveType?: string } | undefined,
  stalls: number,
): "aac" | "opus" {
  const thin = connection?.saveData === true || /2g$/.test(connection?.effectiveType ?? "");
  return thin || stalls >= 4 ? "opus" : "aac";
}

/**
 * How fast to play. Speech at 1.1 is still speech; what is already loaded is kept above a
 * second, or the next hiccup would be heard. `over_s`: behind the target; `ahead_s`: loaded
 * and not yet played; `rate`: as it is now, so that it does not flutter around a threshold.
 */
export function rate(over_s: number, ahead_s: number, rate: number): number {
  if (ahead_s < 1 || over_s < 0.2) return 1;
  if (over_s > 3) return 1.1;
  if (over_s > 0.5 || rate > 1) return 1.05;
  return 1;
}

/** Time between two readings of state.json, before jitter. */
export function pollMs(
  phase: Phase | null,
  latency: Latency,
  visible: boolean,
  until_ms: number | null,
): number {
  if (phase === null) return 1_000;
  if (phase === "live") return latency === "low" ? (visible ? 1_000 : 3_000) : 5_000;
  if (phase === "doors") return 2_000;
  // Its recording appears seconds after the end; the caller slows down once it is there.
  if (phase === "ended") return 2_000;
  if (phase === "cancelled") return 60_000;
  if (until_ms === null) return 5_000;
  // Announced: once a minute at most, more often as the doors come near.
  return Math.min(60_000, Math.max(2_000, until_ms / 10));
}
