// What the gate tells: state.json and the door's verdicts. Read with care: a page lives for
// hours and may meet a newer gate.

export type Phase = "announced" | "doors" | "live" | "ended" | "cancelled";
export type Latency = "low" | "plain" | "long";

export interface Voice {
  readonly name: string;
  readonly here: boolean;
  readonly muted: boolean;
  readonly speaking: boolean;
  readonly level: number;
}

export interface Replay {
  readonly url: string;
  readonly bytes: number;
  readonly duration_ms: number;
}

export interface EventState {
  readonly phase: Phase;
  readonly title: string;
  readonly starts_ms: number | null;
  readonly doors_ms: number | null;
  readonly live_since_ms: number | null;
  readonly ended_ms: number | null;
  readonly now_ms: number;
  readonly voices: readonly Voice[];
  readonly listening: number;
  readonly admitted: number;
  readonly seats: number;
  readonly status: { readonly text: string; readonly at_ms: number } | null;
  readonly latency: Latency;
  readonly lean: "new" | "all" | null;
  readonly replay: Replay | null;
}

export type Verdict =
  | { readonly verdict: "admit"; readonly ticket: string; readonly play: string }
  | {
      readonly verdict: "refuse";
      readonly reason: "full" | "not_open" | "ended" | "cancelled";
      readonly retry_after_ms: number;
    };

const PHASES: readonly string[] = ["announced", "doors", "live", "ended", "cancelled"];

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json | null {
  return typeof value === "object" && value !== null ? (value as Json) : null;
}
function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** null when it is not a state that this page can use. */
export function readState(value: unknown): EventState | null {
  const raw = object(value);
  const phase = raw && text(raw["state"]);
  if (!raw || !phase || !PHASES.includes(phase)) return null;
  const counts = object(raw["counts"]) ?? {};
  const status = object(raw["status"]);
  const replay = object(raw["replay"]);
  const voices = Array.isArray(raw["speakers"]) ? (raw["speakers"] as unknown[]) : [];
  return {
    phase: phase as Phase,
    title: text(raw["title"]),
    starts_ms: number(raw["starts_ms"]),
    doors_ms: number(raw["doors_ms"]),
    live_since_ms: number(raw["live_since_ms"]),
    ended_ms: number(raw["ended_ms"]),
    now_ms: number(raw["now_ms"]) ?? 0,
    voices: voices.flatMap((voice) => {
      const one = object(voice);
      if (!one) return [];
      return {
        name: text(one["name"]),
        here: one["here"] === true,
        muted: one["muted"] === true,
        speaking: one["speaking"] === true,
        level: Math.min(1, Math.max(0, number(one["level"]) ?? 0)),
      };
    }),
    listening: number(counts["listening"]) ?? 0,
    admitted: number(counts["admitted"]) ?? 0,
    seats: number(counts["seats"]) ?? 0,
    status:
      status && text(status["text"]) !== ""
        ? { text: text(status["text"]), at_ms: number(status["at_ms"]) ?? 0 }
        : null,
    latency: raw["latency"] === "plain" || raw["latency"] === "long" ? raw["latency"] : "low",
    lean: raw["lean"] === "new" || raw["lean"] === "all" ? raw["lean"] : null,
    replay:
      replay && text(replay["url"]) !== ""
        ? {
            url: text(replay["url"]),
            bytes: number(replay["bytes"]) ?? 0,
            duration_ms: number(replay["duration_ms"]) ?? 0,
          }
        : null,
  };
}

/** null when it is not a verdict that this page knows. */
export function readVerdict(value: unknown): Verdict | null {
  const raw = object(value);
  if (!raw) return null;
  if (raw["verdict"] === "admit") {
    const ticket = text(raw["ticket"]);
    const play = text(raw["play"]);
    return ticket && play ? { verdict: "admit", ticket, play } : null;
  }
  if (raw["verdict"] === "refuse") {
    const reason = text(raw["reason"]);
    if (!["full", "not_open", "ended", "cancelled"].includes(reason)) return null;
    return {
      verdict: "refuse",
      reason: reason as "full",
      retry_after_ms: Math.max(1000, number(raw["retry_after_ms"]) ?? 10_000),
    };
  }
  return null;
}
