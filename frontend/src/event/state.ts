// What the gate tells: state.json and the door's verdicts. Read with care: a page lives for
// hours and may meet a newer gate.

import type { Challenge } from "altcha/lib";

export type Phase = "announced" | "doors" | "live" | "ended" | "cancelled";
export type Latency = "low" | "plain" | "long";
/** In the order in which they may follow each other (protocol/ladder.py). */
export const EFFECTS = [
  "plain",
  "long",
  "lean_new",
  "lean_all",
  "coarse",
  "closed",
  "floor",
  "later",
] as const;
export type Effect = (typeof EFFECTS)[number];
/** The lanes of the line, in the order in which they are served. */
export const LANES = ["guest", "reminder", "member", "anyone"] as const;
export type Lane = (typeof LANES)[number];
export type ByLane = Readonly<Record<Lane, number>>;

export interface Voice {
  readonly name: string;
  readonly here: boolean;
  readonly muted: boolean;
  /** null: not known. */
  readonly speaking: boolean | null;
  readonly level: number;
}

export interface Replay {
  readonly url: string;
  readonly bytes: number;
  readonly duration_ms: number;
}

/** The rung of the ladder that is stood on. */
export interface Rung {
  readonly n: number;
  readonly of: number;
  /** What is given up now, the newest last. */
  readonly effects: readonly Effect[];
  /** The host's own words for it, by language. */
  readonly says: Readonly<Record<string, string>>;
  readonly since_ms: number;
}

export interface StatusLine {
  readonly text: string;
  readonly at_ms: number;
}

/** Each is defined in docs/counts.md; null: this gate does not say. */
export interface Counts {
  readonly in_line: number | null;
  readonly refused: number | null;
  readonly peak: number | null;
  readonly joined: number | null;
}

/** What state.json and serving.json both say, so that who waits need not read the first. */
export interface Said {
  readonly phase: Phase;
  readonly now_ms: number;
  readonly status: StatusLine | null;
  readonly rung: Rung | null;
  /** The recording is promised for this moment, Unix ms. */
  readonly promise_ms: number | null;
  /** What of it is news to everybody; named in the next look, which is held until there is some.
   * "": this gate holds none. */
  readonly mark: string;
}

export interface EventState extends Said {
  readonly title: string;
  readonly starts_ms: number | null;
  readonly doors_ms: number | null;
  readonly live_since_ms: number | null;
  readonly ended_ms: number | null;
  readonly voices: readonly Voice[];
  readonly listening: number;
  readonly admitted: number;
  readonly seats: number;
  readonly counts: Counts;
  readonly latency: Latency;
  readonly lean: "new" | "all" | null;
  /** Whether one may go back to what was said before. */
  readonly back: boolean;
  /** Whether what is said is written down as it is said. */
  readonly captions: boolean;
  readonly replay: Replay | null;
}

/** serving.json: how far the line has come; one object for everybody who waits. */
export interface Serving extends Said {
  readonly doors_ms: number | null;
  readonly starts_ms: number | null;
  readonly door: "early" | "open" | "closed" | "over";
  /** Numbers up to and with this one may come in. */
  readonly serving: ByLane;
  /** Numbers up to and with this one are final. */
  readonly closed_upto: ByLane;
  readonly joined: ByLane;
  readonly waiting: number;
  /** Admissions a second, as measured over the last minute; 0: none yet. */
  readonly rate_per_s: number;
  readonly near_ms: number;
  readonly far_ms: number;
}

export const REASONS = [
  "full",
  "not_open",
  "ended",
  "cancelled",
  "closed",
  "reduced",
  "invite",
  "proof",
] as const;
export type Reason = (typeof REASONS)[number];

export interface Wait {
  readonly verdict: "wait";
  /** From 1 on, in its lane. */
  readonly number: number;
  readonly serving: number;
  readonly lane: Lane;
  /** Shown again at the door, it keeps the place. */
  readonly place: string;
  readonly final: boolean;
  readonly ahead: number;
  readonly estimate_s: number | null;
  readonly retry_after_ms: number;
}

export type Verdict =
  | { readonly verdict: "admit"; readonly ticket: string; readonly play: string }
  | Wait
  | {
      readonly verdict: "refuse";
      readonly reason: Reason;
      readonly retry_after_ms: number;
      /** For "proof": the work that is asked for (proof.ts). */
      readonly challenge?: Challenge;
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
  const replay = object(raw["replay"]);
  const voices = Array.isArray(raw["speakers"]) ? (raw["speakers"] as unknown[]) : [];
  return {
    ...said(raw, phase as Phase),
    title: text(raw["title"]),
    starts_ms: number(raw["starts_ms"]),
    doors_ms: number(raw["doors_ms"]),
    live_since_ms: number(raw["live_since_ms"]),
    ended_ms: number(raw["ended_ms"]),
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
    counts: {
      in_line: number(counts["in_line"]),
      refused: number(counts["refused"]),
      peak: number(counts["peak"]),
      joined: number(counts["joined"]),
    },
    latency: raw["latency"] === "plain" || raw["latency"] === "long" ? raw["latency"] : "low",
    back: raw["back"] === true,
    captions: raw["captions"] === true,
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

function said(raw: Json, phase: Phase): Said {
  const status = object(raw["status"]);
  return {
    phase,
    now_ms: number(raw["now_ms"]) ?? 0,
    status:
      status && text(status["text"]) !== ""
        ? { text: text(status["text"]), at_ms: number(status["at_ms"]) ?? 0 }
        : null,
    rung: readRung(raw["rung"]),
    promise_ms: number(raw["promise_ms"]),
    mark: text(raw["mark"]),
  };
}

/** null at the foot of the ladder, and for a rung that this page knows nothing of. */
function readRung(value: unknown): Rung | null {
  const raw = object(value);
  const list = Array.isArray(raw?.["effects"]) ? (raw["effects"] as unknown[]) : [];
  const effects = EFFECTS.filter((effect) => list.includes(effect));
  if (!raw || effects.length === 0) return null;
  const says = Object.entries(object(raw["says"]) ?? {}).flatMap(([lang, one]) =>
    text(one) === "" ? [] : [[lang, text(one)] as const],
  );
  return {
    n: number(raw["n"]) ?? effects.length,
    of: number(raw["of"]) ?? effects.length,
    effects,
    says: Object.fromEntries(says),
    since_ms: number(raw["since_ms"]) ?? 0,
  };
}

function byLane(value: unknown, anyone: number): ByLane {
  const raw = object(value) ?? {};
  return {
    guest: number(raw["guest"]) ?? 0,
    reminder: number(raw["reminder"]) ?? 0,
    member: number(raw["member"]) ?? 0,
    anyone: number(raw["anyone"]) ?? anyone,
  };
}

/** null when it is not a serving.json that this page can use. */
export function readServing(value: unknown): Serving | null {
  const raw = object(value);
  const phase = raw && text(raw["state"]);
  const served = number(raw?.["serving"]);
  if (!raw || !phase || !PHASES.includes(phase) || served === null) return null;
  const poll = Array.isArray(raw["poll_ms"]) ? (raw["poll_ms"] as unknown[]) : [];
  const near_ms = Math.max(500, number(poll[0]) ?? 2_000);
  const door = text(raw["door"]);
  return {
    ...said(raw, phase as Phase),
    starts_ms: number(raw["starts_ms"]),
    doors_ms: number(raw["doors_ms"]),
    door: door === "early" || door === "closed" || door === "over" ? door : "open",
    serving: byLane(raw["lanes"], served),
    closed_upto: byLane(raw["closed_upto"], served),
    joined: byLane(raw["joined"], served),
    waiting: number(raw["waiting"]) ?? 0,
    rate_per_s: Math.max(0, number(raw["rate_per_s"]) ?? 0),
    near_ms,
    far_ms: Math.max(near_ms, number(poll[1]) ?? 10_000),
  };
}

/** null when it is not a verdict that this page knows. */
export function readVerdict(value: unknown): Verdict | null {
  const raw = object(value);
  if (!raw) return null;
  const retry_after_ms = Math.max(1000, number(raw["retry_after_ms"]) ?? 10_000);
  switch (raw["verdict"]) {
    case "admit": {
      const ticket = text(raw["ticket"]);
      const play = text(raw["play"]);
      return ticket && play ? { verdict: "admit", ticket, play } : null;
    }
    case "wait": {
      const place = text(raw["place"]);
      const own = number(raw["number"]);
      if (!place || own === null) return null;
      const serving = number(raw["serving"]) ?? 0;
      return {
        verdict: "wait",
        number: own,
        serving,
        lane: LANES.find((lane) => lane === raw["lane"]) ?? "anyone",
        place,
        final: raw["final"] !== false,
        ahead: Math.max(0, number(raw["ahead"]) ?? own - serving - 1),
        estimate_s: number(raw["estimate_s"]),
        retry_after_ms,
      };
    }
    case "refuse": {
      const reason = REASONS.find((one) => one === raw["reason"]);
      if (!reason) return null;
      if (reason !== "proof") return { verdict: "refuse", reason, retry_after_ms };
      const challenge = object(raw["challenge"]);
      if (!object(challenge?.["parameters"])) return null;
      return {
        verdict: "refuse",
        reason,
        retry_after_ms,
        challenge: raw["challenge"] as Challenge,
      };
    }
    default:
      return null;
  }
}
