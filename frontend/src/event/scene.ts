// What the page shows. Pure: happenings in, a model out; the scene is judged from the model.

import { earlyFrom, type InLine, moved, turn, wait } from "./line.ts";
import type { EventState, Serving, Verdict } from "./state.ts";

export type Scene =
  | "loading"
  | "announced"
  | "line"
  | "left"
  | "doors"
  | "full"
  | "closed"
  | "reduced"
  | "invite"
  | "proof"
  | "live"
  | "preparing"
  | "replay"
  | "cancelled";

export type Door =
  | { readonly at: "outside" }
  | { readonly at: "line"; readonly line: InLine }
  /** The reader has left the line, or the seat, and asks for none. */
  | { readonly at: "left" }
  /** `line`: the place that is shown meanwhile. */
  | { readonly at: "asking"; readonly line: InLine | null }
  | {
      readonly at: "in";
      readonly ticket: string;
      readonly play: string;
      readonly since_ms: number;
      /** It was waited for. */
      readonly from_line: boolean;
    }
  | { readonly at: "refused"; readonly reason: string; readonly retry_at_ms: number };

/** off: not asked for. starting, playing, waiting (for data), blocked (wants a press). */
export type Sound = "off" | "starting" | "playing" | "waiting" | "paused" | "blocked" | "over";

export interface Model {
  readonly state: EventState | null;
  readonly door: Door;
  /** The ticket last held, shown at the door when going in again. */
  readonly ticket: string | null;
  /** The place last held, shown at the door until it has become a seat. */
  readonly place: string | null;
  /** serving.json as it was read last. */
  readonly serving: Serving | null;
  /** 0 to 1: this page's own moment where a crowd must not act as one. */
  readonly chance: number;
  /** When the page was opened, server time. */
  readonly opened_ms: number | null;
  /** The reader has asked to hear. */
  readonly wanted: boolean;
  readonly sound: Sound;
  /** state.json could not be read the last time. */
  readonly lost: boolean;
  /** When the state first said "ended" to this page. */
  readonly end_seen_ms: number | null;
}

export type Happening =
  | { readonly what: "state"; readonly state: EventState; readonly now_ms: number }
  | { readonly what: "no_state" }
  | { readonly what: "serving"; readonly serving: Serving; readonly now_ms: number }
  | { readonly what: "asking" }
  | { readonly what: "left" }
  /** The reader asks for a seat after all, or with a passphrase. */
  | { readonly what: "again" }
  | { readonly what: "verdict"; readonly verdict: Verdict; readonly now_ms: number }
  | { readonly what: "no_verdict"; readonly retry_at_ms: number }
  | { readonly what: "turned_away" }
  | { readonly what: "wanted"; readonly wanted: boolean }
  | { readonly what: "sound"; readonly sound: Sound };

export function start(
  ticket: string | null,
  wanted: boolean,
  place: string | null = null,
  chance = 0,
): Model {
  return {
    state: null,
    door: { at: "outside" },
    ticket,
    place,
    serving: null,
    chance,
    opened_ms: null,
    wanted,
    sound: "off",
    lost: false,
    end_seen_ms: null,
  };
}

export function reduce(model: Model, happening: Happening): Model {
  switch (happening.what) {
    case "state": {
      const ended = happening.state.phase === "ended";
      return {
        ...model,
        state: happening.state,
        opened_ms: model.opened_ms ?? happening.now_ms,
        lost: false,
        end_seen_ms: ended ? (model.end_seen_ms ?? happening.now_ms) : null,
      };
    }
    case "no_state":
      return { ...model, lost: true };
    case "serving": {
      const { serving, now_ms } = happening;
      const { phase, status, rung, promise_ms, starts_ms, doors_ms } = serving;
      const news = { phase, status, rung, promise_ms, starts_ms, doors_ms };
      const line = standing(model);
      return {
        ...model,
        serving,
        lost: false,
        state: model.state && { ...model.state, ...news },
        end_seen_ms: phase === "ended" ? (model.end_seen_ms ?? now_ms) : null,
        door:
          model.door.at === "line" && line
            ? { at: "line", line: moved(line, serving, now_ms, model.chance) }
            : model.door,
      };
    }
    case "asking":
      return { ...model, door: { at: "asking", line: standing(model) } };
    case "left":
      return { ...model, ticket: null, place: null, wanted: false, door: { at: "left" } };
    case "again":
      return { ...model, door: { at: "outside" } };
    case "verdict":
      return judged(model, happening.verdict, happening.now_ms);
    case "no_verdict": {
      // Who stands in line keeps standing there while the network is gone.
      const line = standing(model);
      const { retry_at_ms } = happening;
      if (line)
        return { ...model, door: { at: "line", line: { ...line, knocked_ms: retry_at_ms } } };
      return { ...model, door: { at: "refused", reason: "no_answer", retry_at_ms } };
    }
    case "turned_away":
      return { ...model, door: { at: "outside" } };
    case "wanted":
      return { ...model, wanted: happening.wanted };
    case "sound": {
      // A headphone pulled out, a telephone call, a key on the keyboard: what the system does to
      // the sound is the reader's will as much as our own button.
      const { sound } = happening;
      const wanted = sound === "playing" || (model.wanted && sound !== "paused");
      return { ...model, sound, wanted };
    }
  }
}

function judged(model: Model, verdict: Verdict, now_ms: number): Model {
  const line = standing(model);
  switch (verdict.verdict) {
    case "admit": {
      const { ticket, play } = verdict;
      const from_line = line !== null;
      const door = { at: "in", ticket, play, since_ms: now_ms, from_line } as const;
      return { ...model, ticket, place: null, door };
    }
    case "wait": {
      // The ticket shown is no seat any more, or there was none.
      const door = { at: "line", line: wait(verdict, line, now_ms) } as const;
      return { ...model, ticket: null, place: verdict.place, door };
    }
    case "refuse": {
      const { reason } = verdict;
      const retry_at_ms = now_ms + verdict.retry_after_ms;
      const ticket = reason === "reduced" ? null : model.ticket;
      return { ...model, ticket, door: { at: "refused", reason, retry_at_ms } };
    }
  }
}

/** The place in line that is held, also while the door is asked about it. */
export function standing(model: Model): InLine | null {
  return model.door.at === "line" || model.door.at === "asking" ? model.door.line : null;
}

/** A listener is some seconds behind: the end is not theirs yet. This long it may take. */
export const DRAIN_MS = 45_000;

export function scene(model: Model, now_ms: number): Scene {
  const { state, door, sound } = model;
  if (!state) return "loading";
  switch (state.phase) {
    case "cancelled":
      return "cancelled";
    case "ended": {
      const hearing = sound === "playing" || sound === "waiting" || sound === "starting";
      const draining = model.end_seen_ms !== null && now_ms - model.end_seen_ms < DRAIN_MS;
      if (hearing && draining) return "live";
      return state.replay ? "replay" : "preparing";
    }
    case "announced":
    case "doors":
    case "live":
      if (standing(model)) return "line";
      if (door.at === "left") return "left";
      if (door.at === "refused" && TURNED_AWAY.includes(door.reason)) return door.reason as Scene;
      return state.phase;
  }
}

/** Scenes in which a rung means something to the reader. */
// prettier-ignore
export const LASTS: readonly Scene[] = [
  "doors", "line", "left", "live", "full", "closed", "reduced", "proof",
];

/** Reasons that have a scene of their own. */
const TURNED_AWAY = ["full", "closed", "reduced", "invite", "proof"];

/** Reasons after which the page knocks when something was done, not when time has passed. */
const WAITED_FOR = ["invite", "proof"];

/** Whether to go to the door now. */
export function knocks(model: Model, now_ms: number): boolean {
  const { state, door } = model;
  if (!state) return false;
  if (state.phase === "announced") {
    const from = earlyFrom(state.doors_ms, model.opened_ms ?? now_ms, model.chance);
    if (from === null || now_ms < from) return false;
  } else if (state.phase !== "doors" && state.phase !== "live") {
    return false;
  }
  switch (door.at) {
    case "outside":
      return true;
    case "line":
      return turn(door.line, now_ms);
    case "refused":
      // Who needs an invitation is asked for it; to knock again without one is of no use.
      // The same with work to be done: the page knocks when it is done.
      return !WAITED_FOR.includes(door.reason) && now_ms >= door.retry_at_ms;
    case "asking":
    case "in":
    case "left":
      return false;
  }
}

/** Whether serving.json is read in place of state.json: it is one object for all who wait. */
export function queues(model: Model): boolean {
  const phase = model.state?.phase;
  return standing(model) !== null && phase !== "ended" && phase !== "cancelled";
}

/** Whether sound should come now. */
export function plays(model: Model, now_ms: number): boolean {
  return model.wanted && model.door.at === "in" && scene(model, now_ms) === "live";
}

/** What the door has said, in its own words. */
export const VERDICTS = {
  in: "admit",
  refused: "refuse",
  line: "wait",
  asking: null,
  outside: null,
  left: null,
} as const;
