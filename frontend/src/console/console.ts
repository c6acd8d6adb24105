// The operators' page, for now: state, counts, the room and its controls, public links.

import { byId, config as readConfig, h, say, show } from "../dom.ts";
import { type EventState, readState } from "../event/state.ts";
import { clock, timeOfDay, writeNumber, writeSize } from "../format.ts";
import { makeContext, type Config as StudioConfig } from "../studio/context.ts";
import { confirms } from "../studio/dialog.ts";
import { keepToken } from "../studio/fragment.ts";
import { Host } from "../studio/host.ts";
import { Lamp } from "../studio/lamp.ts";
import { type Room, RoomLink } from "../studio/room.ts";
import { Tiles } from "../studio/tiles.ts";
import { asLang, speaker } from "../text.ts";
import { console as en } from "../text/en.json";
import { console as gu } from "../text/gu.json";
import { console as hi } from "../text/hi.json";
import { Refusal } from "../whip.ts";

interface Config extends StudioConfig {
  readonly web: string;
  /** The host's key, for whoever is logged in as the host; else it may stand in the fragment. */
  readonly token?: string;
}

const config = readConfig<Config>();
const lang = asLang(document.documentElement.lang);
const context = makeContext(config, lang);
const { t, locale } = context;
const tc = speaker({ en, gu, hi }[lang] as typeof en, lang, (n) => writeNumber(n, locale));
const token = decodeURIComponent(location.hash.slice(1)) || (config.token ?? "");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const POLL_MS = 1_000;

let state: EventState | null = null;
let room: Room | null = null;
let missed = 0;
let offset = 0;

interface Figure {
  readonly root: HTMLElement;
  readonly value: HTMLElement;
}
function figure(label: string, large = false): Figure {
  const value = h("dd", { class: "number" }, tc("noCounts"));
  return {
    root: h("div", { class: large ? "figure large" : "figure" }, h("dt", {}, label), value),
    value,
  };
}
const figures = {
  listening: figure(tc("listening"), true),
  admitted: figure(tc("admitted"), true),
  seats: figure(tc("seats"), true),
  state: figure(tc("state")),
  since: figure(tc("since")),
  latency: figure(tc("latency")),
  recording: figure(tc("recording")),
};

const link = new RoomLink(config.stage, config.event, token, {
  room(now) {
    room = now;
    draw();
  },
  lost() {
    say(trouble, t("unreachable"));
    show(trouble, true);
  },
  closed() {
    show(keys, true);
    room = null;
    draw();
  },
});
const tiles = new Tiles(context, {
  mute: (voice, muted) => void act("POST", `speakers/${voice.id}/mute`, { muted }),
  remove: (voice) =>
    void confirms(
      t("removeAsk", { name: voice.name }),
      t("removeText"),
      t("remove"),
      t("cancel"),
    ).then((yes) => (yes ? act("DELETE", `speakers/${voice.id}`) : undefined)),
});
const host = new Host(context, {
  goLive: () => act("POST", "live"),
  status: (text) => act("POST", "status", { text }),
  end: () => act("POST", "end", undefined, 60_000),
});
const lamp = new Lamp(byId("lamp"), { on: t("onAir"), off: t("offAir"), over: t("ended") });

const trouble = h("p", { class: "notice", role: "alert", hidden: true });
const updated = h("p", { class: "soft number" });
const keys = h(
  "div",
  { class: "notice", hidden: true },
  h("p", {}, tc("keys")),
  h("p", {}, tc("keysText")),
);
const links = h(
  "section",
  { class: "section stack tight" },
  h("h2", {}, tc("pagesLinks")),
  h(
    "ul",
    { class: "quiet-list stack tight" },
    h("li", {}, h("a", { href: config.page }, tc("page"))),
    h(
      "li",
      {},
      h(
        "a",
        { href: `${config.web}/studio/${config.event}${token ? `#${token}` : ""}` },
        tc("studio"),
      ),
    ),
    config.manage ? h("li", {}, h("a", { href: config.manage }, t("manage"))) : null,
  ),
);
const roomSection = h(
  "section",
  { class: "section stack", hidden: true },
  h("h2", {}, t("room")),
  tiles.root,
);
const side = h("div", { class: "stack wide" }, host.root, keys, links);
byId("console").replaceChildren(
  h(
    "div",
    { class: "console-grid" },
    h(
      "div",
      { class: "stack wide" },
      trouble,
      h(
        "dl",
        { class: "figures" },
        figures.listening.root,
        figures.admitted.root,
        figures.seats.root,
      ),
      h(
        "dl",
        { class: "figures" },
        figures.state.root,
        figures.since.root,
        figures.latency.root,
        figures.recording.root,
      ),
      updated,
      roomSection,
    ),
    side,
  ),
);

async function act(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  patience?: number,
): Promise<void> {
  try {
    await link.act(method, path, body, patience);
    show(trouble, false);
  } catch (error) {
    const says =
      error instanceof Refusal
        ? error.message || t("busy", { code: error.status })
        : t("unreachable");
    say(trouble, t("failed", { says }));
    show(trouble, true);
  }
}

function draw(): void {
  const now = Date.now() + offset;
  const number = (n: number | undefined) =>
    n === undefined ? tc("noCounts") : writeNumber(n, locale);
  const fresh = missed < 3 ? state : null;
  say(figures.listening.value, number(fresh?.listening));
  say(figures.admitted.value, number(fresh?.admitted));
  say(figures.seats.value, number(fresh?.seats));
  say(figures.state.value, fresh ? tc(fresh.phase) : tc("unknown"));
  say(
    figures.latency.value,
    !fresh ? tc("noCounts") : tc(fresh.latency === "low" ? "latencyLow" : "latencyPlain"),
  );
  const since = fresh?.live_since_ms ?? null;
  const until = fresh?.phase === "ended" ? (fresh.ended_ms ?? now) : now;
  say(figures.since.value, since === null ? tc("noCounts") : clock((until - since) / 1000));
  const replay = fresh?.replay ?? null;
  say(
    figures.recording.value,
    replay ? tc("recordingReady", { size: writeSize(replay.bytes, locale) }) : tc("recordingNot"),
  );
  if (fresh) say(updated, tc("updated", { time: timeOfDay(fresh.now_ms, zone, locale) }));
  const phase = fresh?.phase === "live" ? "live" : fresh?.phase === "ended" ? "ended" : "off";
  lamp.update(
    phase,
    since,
    until,
    phase === "live" && fresh ? t("listening", { n: fresh.listening }) : "",
  );
  show(roomSection, room !== null);
  show(host.root, room !== null && room.you.role !== "speaker");
  if (!room) return;
  tiles.update(room, null, false);
  host.update(room);
}

async function poll(): Promise<void> {
  try {
    const response = await fetch(`${config.gate}/live/${config.event}/state.json`);
    const read = response.ok ? readState(await response.json()) : null;
    if (!read) throw new Error(`state ${response.status}`);
    state = read;
    missed = 0;
    if (read.now_ms > 0) offset = read.now_ms - Date.now();
  } catch {
    missed++;
  }
  draw();
  window.setTimeout(() => void poll(), POLL_MS);
}

window.samvad = {
  stats: () => ({ state, room, missed }),
};
window.addEventListener("hashchange", () => location.reload());
keepToken();
if (token === "") show(keys, true);
else link.start();
void poll();
