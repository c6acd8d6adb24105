// What was done, when and by whom. What the room tells at once and what the site has written
// down are one list: a fact has the same kind and time in both.

import { h, say, set } from "../dom.ts";
import type { Room } from "../studio/room.ts";
import { type ConsoleContext, type Say, timeOn } from "./context.ts";
import { top, type Value } from "./figures.ts";
import type { Standing } from "./gate.ts";
import { nameOf, type Rung } from "./rungs.ts";

export interface Entry {
  /** The site's number for it; none for what the room tells. */
  readonly id?: number;
  readonly at_ms: number;
  readonly kind: string;
  /** Who did it; "" when nobody did. */
  readonly by: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const MOST = 200;

const key = (entry: Entry) => `${entry.kind}:${entry.at_ms}`;

/** Newest first, each once; who did it is kept from whichever tells it. */
export function merged(one: readonly Entry[], more: readonly Entry[]): Entry[] {
  const found = new Map<string, Entry>();
  for (const entry of [...one, ...more]) {
    const known = found.get(key(entry));
    found.set(key(entry), known && entry.by === "" ? { ...entry, by: known.by } : entry);
  }
  return [...found.values()].sort((a, b) => b.at_ms - a.at_ms).slice(0, MOST);
}

/** Entries from the site; whatever has another form is passed over. */
export function readLog(value: unknown): Entry[] {
  const raw = typeof value === "object" && value !== null ? (value as { entries?: unknown }) : {};
  if (!Array.isArray(raw.entries)) return [];
  return (raw.entries as unknown[]).flatMap((one) => {
    const entry = (one ?? {}) as Partial<Record<keyof Entry, unknown>>;
    if (typeof entry.at_ms !== "number" || typeof entry.kind !== "string") return [];
    const data = typeof entry.data === "object" && entry.data !== null ? entry.data : {};
    const by = typeof entry.by === "string" ? entry.by : "";
    const id = typeof entry.id === "number" ? entry.id : 0;
    return [{ id, at_ms: entry.at_ms, kind: entry.kind, by, data: data as Entry["data"] }];
  });
}

/** What the room itself tells. */
export function ofRoom(room: Room): Entry[] {
  const { live_since_ms, ended_ms, status, ladder } = room.room;
  const found: Entry[] = [];
  if (live_since_ms !== null)
    found.push({ at_ms: live_since_ms, kind: "went_live", by: "", data: {} });
  if (ended_ms !== null) found.push({ at_ms: ended_ms, kind: "ended", by: "", data: {} });
  if (status) found.push({ at_ms: status.at_ms, kind: "status", by: "", data: status });
  if (ladder)
    found.push({
      at_ms: ladder.at_ms,
      kind: "ladder",
      by: ladder.by,
      data: { mode: ladder.mode, rung: ladder.rung },
    });
  return found;
}

export function ofGate(standing: Standing): Entry[] {
  if (standing.since_ms <= 0) return [];
  return [{ at_ms: standing.since_ms, kind: "rung", by: "", data: { n: standing.n } }];
}

/** Counts of note: each 1, 2 or 5 times a power of ten, from ten on, when it is first reached. */
export function ofCrowd(at_ms: readonly number[], listening: readonly Value[]): Entry[] {
  const found: Entry[] = [];
  let next = 10;
  at_ms.forEach((at, row) => {
    const now = listening[row] ?? 0;
    if (now < next) return;
    let n = next;
    while (top(n + 1, 1) <= now) n = top(n + 1, 1);
    // What was reached before the first row was not reached then.
    if (row > 0) found.push({ at_ms: at, kind: "crowd", by: "", data: { n } });
    next = top(n + 1, 1);
  });
  return found;
}

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** The entry as a sentence, or "" for what is of no note. `clock` writes a time of day. */
export function sentence(
  entry: Entry,
  ladder: readonly Rung[],
  t: Say,
  clock: (at_ms: number) => string,
): string {
  const { kind, data } = entry;
  const clockOf = (at: unknown) => (typeof at === "number" ? clock(at) : "");
  const name = text(data["name"]);
  const rungName = (n: unknown) =>
    typeof n === "number" && n > 0 ? nameOf(ladder[n - 1]?.effect ?? String(n), t) : t("nothing");
  switch (kind) {
    case "went_live":
      return t("logLive");
    case "ended":
      return t("logEnded");
    case "resumed":
      return t("logResumed");
    case "recording_ready":
      return t("logRecording");
    case "status":
      return text(data["text"]) === ""
        ? t("logStatusAway")
        : t("logStatus", { text: text(data["text"]) });
    case "ladder":
      return data["mode"] === "auto"
        ? t("logReleased")
        : data["mode"] === "hold"
          ? t("logHeld", { name: rungName(data["rung"]) })
          : t("logForced", { name: rungName(data["rung"]) });
    case "rung":
      return data["n"] === 0
        ? t("logRungNone")
        : t("logRung", { n: text(data["n"]), name: rungName(data["n"]) });
    case "speaker_joined":
      return t("logJoined", { name });
    case "speaker_left":
      return t("logLeft", { name });
    case "speaker_muted":
      return t("logMuted", { name });
    case "speaker_unmuted":
      return t("logUnmuted", { name });
    case "speaker_removed":
      return t("logRemoved", { name });
    case "crowd":
      return t("logCrowd", { n: Number(data["n"]) });
    case "promise":
      return t("logPromise", { time: clockOf(data["by_ms"]) });
    case "promise_kept":
      return t("logPromiseKept");
    case "promise_late":
      return t("logPromiseLate");
    case "incident":
      if (data["what"] === "opened") return t("logIncidentOpened");
      if (data["what"] === "closed") return t("logIncidentClosed");
      return data["what"] === "minute" ? "" : t("logIncident", { what: text(data["what"]) });
    default:
      return "";
  }
}

export class Log {
  readonly root: HTMLElement;
  private readonly list = h("ol", { class: "log" });
  private readonly none: HTMLElement;
  private readonly context: ConsoleContext;
  private entries: Entry[] = [];
  private drawn = "";
  /** The newest that the site has told. */
  after = 0;

  constructor(context: ConsoleContext) {
    this.context = context;
    this.none = h("p", { class: "soft" }, context.t("logNone"));
    this.root = h(
      "section",
      { class: "section stack" },
      h("h2", {}, context.t("log")),
      // Of a given height, to be scrolled: with the keyboard too.
      h(
        "div",
        { class: "log-box", tabindex: 0, role: "region", "aria-label": context.t("log") },
        this.none,
        this.list,
      ),
    );
  }

  add(entries: readonly Entry[]): void {
    this.after = Math.max(this.after, ...entries.map((entry) => entry.id ?? 0));
    this.entries = merged(this.entries, entries);
    const keys = this.entries.map((entry) => key(entry) + entry.by).join();
    if (keys === this.drawn) return;
    this.drawn = keys;
    const { t, config } = this.context;
    const lines = this.entries.flatMap((entry) => {
      const words = sentence(entry, config.ladder, t, (at) => timeOn(this.context, at));
      if (words === "") return [];
      const time = h("time", { class: "number" }, timeOn(this.context, entry.at_ms, true));
      set(time, { datetime: new Date(entry.at_ms).toISOString() });
      const by = entry.by === "" ? null : h("span", { class: "log-by" }, t("by", { by: entry.by }));
      return [h("li", { "data-kind": entry.kind }, time, h("span", {}, words), by)];
    });
    this.list.replaceChildren(...lines);
    this.none.hidden = lines.length > 0;
    say(this.none, t("logNone"));
  }
}
