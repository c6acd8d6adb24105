// When to go in, when to come back, when to leave it be. Pure.

export interface Stay {
  /** The speaker wants to be in. */
  readonly wanted: boolean;
  readonly session: "none" | "starting" | "up";
  /** When the present session was answered, in ms. */
  readonly up_at: number;
  /** The room has shown the speaker as here during this session. */
  readonly seen: boolean;
  /** The room does not show the speaker as here, since (ms); null: it does, or is unknown. */
  readonly absent_at: number | null;
  /** The peer connection does not carry, since (ms); null: it does. */
  readonly cut_at: number | null;
  readonly tries: number;
  readonly retry_at: number;
}

export const OUT: Stay = {
  wanted: false,
  session: "none",
  up_at: 0,
  seen: false,
  absent_at: null,
  cut_at: null,
  tries: 0,
  retry_at: 0,
};

/** After going in, the stage needs its first packet before it shows somebody as here. */
const ARRIVE_MS = 6_000;
/** A room that once showed the speaker and does so no more: a restarted stage. */
const ABSENT_MS = 700;
/** Cut off, yet shown as here: the same link speaks from another page. */
const ELSEWHERE_MS = 8_000;

export type Next = "wait" | "join" | "elsewhere";

/** `known`: the room is being told right now, so `absent_at` can be trusted. */
export function next(stay: Stay, known: boolean, now: number): Next {
  if (!stay.wanted || stay.session === "starting") return "wait";
  if (stay.session === "none") return now >= stay.retry_at ? "join" : "wait";
  if (!known) return "wait";
  if (stay.absent_at !== null) {
    const patience = stay.seen ? ABSENT_MS : ARRIVE_MS;
    const since = stay.seen ? stay.absent_at : Math.max(stay.absent_at, stay.up_at);
    return now - since >= patience ? "join" : "wait";
  }
  if (stay.cut_at !== null && now - stay.cut_at >= ELSEWHERE_MS) return "elsewhere";
  return "wait";
}
