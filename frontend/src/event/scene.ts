// What the page shows. Pure: happenings in, a model out; the scene is judged from the model.

import type { EventState, Verdict } from "./state.ts";

export type Scene =
  "loading" | "announced" | "doors" | "full" | "live" | "preparing" | "replay" | "cancelled";

export type Door =
  | { readonly at: "outside" }
  | { readonly at: "asking" }
  | { readonly at: "in"; readonly ticket: string; readonly play: string; readonly since_ms: number }
  | { readonly at: "refused"; readonly reason: string; readonly retry_at_ms: number };

/** off: not asked for. starting, playing, waiting (for data), blocked (wants a press). */
export type Sound = "off" | "starting" | "playing" | "waiting" | "paused" | "blocked" | "over";

export interface Model {
  readonly state: EventState | null;
  readonly door: Door;
  /** The ticket last held, shown at the door when going in again. */
  readonly ticket: string | null;
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
  | { readonly what: "asking" }
  | { readonly what: "verdict"; readonly verdict: Verdict; readonly now_ms: number }
  | { readonly what: "no_verdict"; readonly retry_at_ms: number }
  | { readonly what: "turned_away" }
  | { readonly what: "wanted"; readonly wanted: boolean }
  | { readonly what: "sound"; readonly sound: Sound };

export function start(ticket: string | null, wanted: boolean): Model {
  return {
    state: null,
    door: { at: "outside" },
    ticket,
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
        lost: false,
        end_seen_ms: ended ? (model.end_seen_ms ?? happening.now_ms) : null,
      };
    }
    case "no_state":
      return { ...model, lost: true };
    case "asking":
      return { ...model, door: { at: "asking" } };
    case "verdict": {
      const { verdict, now_ms } = happening;
      if (verdict.verdict === "admit") {
        const { ticket, play } = verdict;
        return { ...model, ticket, door: { at: "in", ticket, play, since_ms: now_ms } };
      }
      const retry_at_ms = now_ms + verdict.retry_after_ms;
      return { ...model, door: { at: "refused", reason: verdict.reason, retry_at_ms } };
    }
    case "no_verdict":
      return {
        ...model,
        door: { at: "refused", reason: "no_answer", retry_at_ms: happening.retry_at_ms },
      };
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
      return "announced";
    case "doors":
    case "live":
      if (door.at === "refused" && door.reason === "full") return "full";
      return state.phase;
  }
}

/** Whether to go to the door now. */
export function knocks(model: Model, now_ms: number): boolean {
  const phase = model.state?.phase;
  if (phase !== "doors" && phase !== "live") return false;
  if (model.door.at === "refused") return now_ms >= model.door.retry_at_ms;
  return model.door.at === "outside";
}

/** Whether sound should come now. */
export function plays(model: Model, now_ms: number): boolean {
  return model.wanted && model.door.at === "in" && scene(model, now_ms) === "live";
}
