// The speakers' page. Who one is stands in the fragment of the address, which is never sent
// with it; scripts show it to the stage as a bearer token.

import { byId, config as readConfig, h, icon, say, set, show } from "../dom.ts";
import { readState } from "../event/state.ts";
import { asLang } from "../text.ts";
import { Refusal } from "../whip.ts";
import { Checks } from "./checks.ts";
import { type Config, makeContext } from "./context.ts";
import { confirms } from "./dialog.ts";
import { keepToken } from "./fragment.ts";
import { Host } from "./host.ts";
import { Lamp } from "./lamp.ts";
import { Microphone } from "./microphone.ts";
import { Presence } from "./presence.ts";
import { type Room, RoomLink, type RoomVoice } from "./room.ts";
import { Tiles } from "./tiles.ts";

const config = readConfig<Config>();
const context = makeContext(config, asLang(document.documentElement.lang));
const { t } = context;
const token = decodeURIComponent(location.hash.slice(1));
const place = byId("studio");

let room: Room | null = null;
let lost = false;
let muted = false;
/** What the room last said of our own mute, to tell the host's hand from an echo of ours. */
let mutedThere: boolean | null = null;
let listening: number | null = null;
let clockOffset = 0;
let left = false;

// --- parts

const others = h("audio", { id: "others", autoplay: true });
const microphone = new Microphone(() => {
  checks.lost();
  void checks.start().then(() => microphone.track && presence.replace(microphone.track));
});
const checks = new Checks(context, microphone, () => {
  if (microphone.track) microphone.track.enabled = !muted || !presence.wanted;
  if (presence.wanted && microphone.track) void presence.replace(microphone.track);
});
const link = new RoomLink(config.stage, config.event, token, {
  room: heardOfRoom,
  lost: () => {
    lost = true;
    draw();
  },
  closed: (status) => closed(status === 404 ? "gone" : "badToken"),
});
const presence = new Presence(config.stage, config.event, token, others, {
  changed: () => draw(),
  arrived: (again) => {
    mutedThere = null;
    if (muted) void act("POST", `speakers/${room?.you.id}/mute`, { muted: true });
    announce(again ? t("back") : t("in"));
  },
  refused: (no) => {
    const words: Record<string, string> = { removed: t("removed"), full: t("fullRoom") };
    tell(words[no.code] ?? t("failed", { says: no.message || String(no.status) }));
  },
});
const tiles = new Tiles(context, {
  mute: (voice, wanted) => void act("POST", `speakers/${voice.id}/mute`, { muted: wanted }),
  remove: (voice) => void removes(voice),
});
const host = new Host(context, {
  goLive: async () => void (await act("POST", "live")),
  status: async (text) => {
    if (await act("POST", "status", { text }))
      announce(t(text === "" ? "statusCleared" : "statusShown"));
  },
  mark: async (title) => void (await act("POST", "mark", { title })),
  end: async () => void (await act("POST", "end", undefined, 60_000)),
});
const lamp = new Lamp(byId("lamp"), { on: t("onAir"), off: t("offAir"), over: t("ended") });

// --- the page

const greeting = h("h2", { class: "greeting" });
const word = h("p", { class: "lead", role: "status" });
const goIn = h("button", { type: "button", id: "go-in", class: "button main big" }, t("goIn"));
const mute = h("button", {
  type: "button",
  id: "mute",
  class: "mute-button",
  "aria-pressed": "false",
});
const leave = h("button", { type: "button", id: "leave", class: "button" }, t("leave"));
const unblock = h("button", { type: "button", class: "button main" }, t("soundOn"));
const blocked = h(
  "div",
  { class: "notice", role: "alert", hidden: true },
  h("p", {}, t("soundBlocked")),
  h("div", {}, unblock),
);
const trouble = h("p", { class: "notice", role: "alert", hidden: true });
const news = h("p", { class: "visually-hidden", role: "status" });
const toPage = h(
  "p",
  { hidden: true },
  h("a", { class: "button main", href: config.page }, t("toPage")),
);
const controls = h("div", { class: "controls", hidden: true }, mute, leave);
const entry = h("div", { class: "entry stack" }, checks.root, h("div", {}, goIn));
const empty = h("p", { class: "empty" }, t("roomEmpty"));
const people = h("section", { class: "section stack" }, h("h2", {}, t("room")), tiles.root, empty);
const main = h(
  "div",
  { class: "studio-main stack wide" },
  h("div", { class: "stack tight" }, greeting, word),
  trouble,
  blocked,
  controls,
  toPage,
  people,
);
const layout = h("div", { class: "studio-grid", hidden: true }, main, host.root, news, others);
const waiting = h("p", { class: "lead", role: "status" }, t("reaching"));

function closed(why: "noToken" | "badToken" | "gone"): void {
  link.stop();
  presence.leave();
  microphone.close();
  show(byId("lamp"), false);
  const words = { noToken: "noTokenText", badToken: "badTokenText", gone: "goneText" } as const;
  place.replaceChildren(
    h(
      "div",
      { class: "stack", role: "alert" },
      h("h2", {}, t(why)),
      h("p", { class: "lead" }, t(words[why])),
    ),
  );
}

/** For screen readers; what is seen says the same. */
function announce(text: string): void {
  say(news, text);
}

let toldUntil = 0;
function tell(text: string): void {
  say(trouble, text);
  toldUntil = Date.now() + 12_000;
  draw();
}

// --- what happens

function heardOfRoom(now: Room): void {
  const before = room;
  room = now;
  lost = false;
  const me = own();
  presence.shown(me?.here === true, Date.now());
  if (me?.here) {
    if (mutedThere !== null && me.muted !== mutedThere && me.muted !== muted) {
      setMuted(me.muted);
      announce(t(me.muted ? "hostMuted" : "youUnmuted"));
    }
    mutedThere = me.muted;
  }
  if (now.room.phase === "ended" && presence.wanted) presence.leave();
  for (const voice of now.room.speakers) {
    const was = before?.room.speakers.find((one) => one.id === voice.id);
    if (was && was.here !== voice.here && voice.id !== now.you.id) {
      announce(t(voice.here ? "joined" : "goes", { name: voice.name }));
    }
  }
  draw();
}

function own(): RoomVoice | undefined {
  return room?.room.speakers.find((voice) => voice.id === room?.you.id);
}

async function act(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  patience?: number,
): Promise<boolean> {
  try {
    await link.act(method, path, body, patience);
    return true;
  } catch (error) {
    const says =
      error instanceof Refusal
        ? error.message || t("busy", { code: error.status })
        : t("unreachable");
    tell(t("failed", { says }));
    return false;
  }
}

async function removes(voice: RoomVoice): Promise<void> {
  const { name } = voice;
  if (await confirms(t("removeAsk", { name }), t("removeText"), t("remove"), t("cancel"))) {
    await act("DELETE", `speakers/${voice.id}`);
  }
}

function setMuted(wanted: boolean): void {
  muted = wanted;
  // Here first: whatever the network does, a muted microphone sends silence.
  if (microphone.track) microphone.track.enabled = !wanted;
  draw();
}

function toggleMute(): void {
  if (!presence.wanted || !room) return;
  setMuted(!muted);
  announce(t(muted ? "youMuted" : "youUnmuted"));
  mutedThere = muted;
  void act("POST", `speakers/${room.you.id}/mute`, { muted });
}

async function enters(): Promise<void> {
  if (typeof RTCPeerConnection === "undefined") return tell(t("noPeer"));
  set(goIn, { disabled: true });
  say(goIn, t("goingIn"));
  others.play().catch(() => undefined);
  void microphone.wake();
  if (await checks.ready()) {
    left = false;
    setMuted(false);
    if (microphone.track) presence.enter(microphone.track);
  }
  set(goIn, { disabled: null });
  draw();
}

// --- what is shown

function draw(): void {
  const now = room;
  show(layout, now !== null);
  show(waiting, now === null);
  say(waiting, lost ? t("unreachable") : t("reaching"));
  if (!now) return;
  const { phase } = now.room;
  const speaks = own() !== undefined;
  const inside = presence.wanted;
  const over = phase === "ended";
  if (!over && speaks && !inside && !entry.isConnected) main.insertBefore(entry, controls);
  if ((over || inside || !speaks) && entry.isConnected) entry.remove();
  show(controls, inside && !over);
  show(toPage, over);
  show(people, !over);
  show(blocked, inside && presence.blocked);
  show(host.root, now.you.role !== "speaker");
  set(layout, { "data-host": now.you.role !== "speaker" ? "" : null });
  say(
    greeting,
    over
      ? t("over")
      : inside
        ? stateLine(now)
        : presence.elsewhere
          ? t("elsewhere")
          : t("hello", { name: now.you.name }),
  );
  say(word, over ? t("overText") : lineUnder(now));
  show(trouble, Date.now() < toldUntil || (lost && !over));
  if (Date.now() >= toldUntil && lost) say(trouble, inside ? t("unreachableIn") : t("unreachable"));
  if (!goIn.disabled) say(goIn, presence.elsewhere ? t("comeBack") : t("goIn"));
  set(mute, { "aria-pressed": muted, "data-muted": muted ? "" : null });
  if (mute.dataset["drawn"] !== String(muted)) {
    mute.dataset["drawn"] = String(muted);
    mute.replaceChildren(
      icon(muted ? "muted" : "microphone"),
      h("span", {}, muted ? t("unmute") : t("mute")),
      h("kbd", { class: "soft" }, t("muteKey")),
    );
  }
  show(empty, now.room.speakers.length === 0);
  host.update(now);
  drawLive();
}

function stateLine(now: Room): string {
  if (!presence.up)
    return presence.rejoins > 0 || presence.stay.seen ? t("reconnecting") : t("goingIn");
  if (muted) return t("youMuted");
  if (now.room.phase === "live") return t("onAirNow");
  return now.room.speakers.some((v) => v.here && v.id !== now.you.id) ? t("in") : t("inAlone");
}

function lineUnder(now: Room): string {
  if (!own()) return t("operator");
  if (presence.elsewhere && !presence.wanted) return t("elsewhereText");
  if (!presence.wanted) return left ? t("left") : t("helloText");
  if (now.room.phase === "live") return "";
  if (now.on_air === "first_voice") return t("firstVoice");
  return now.you.role === "speaker" ? t("waitHost") : "";
}

/** What moves: levels, the clock. */
function drawLive(): void {
  if (!room) return;
  const level = microphone.level();
  checks.update();
  tiles.update(room, presence.up ? level : null, muted);
  const { phase, live_since_ms, ended_ms } = room.room;
  const count = phase === "live" && listening !== null ? t("listening", { n: listening }) : "";
  lamp.update(
    phase,
    live_since_ms,
    phase === "ended" ? (ended_ms ?? 0) : Date.now() + clockOffset,
    count,
  );
}

async function countListeners(): Promise<void> {
  try {
    const response = await fetch(`${config.gate}/live/${config.event}/state.json`);
    const state = response.ok ? readState(await response.json()) : null;
    if (state) {
      listening = state.listening;
      if (state.now_ms > 0) clockOffset = state.now_ms - Date.now();
    }
  } catch {
    listening = null;
  }
  window.setTimeout(() => void countListeners(), 2_000);
}

// --- begin

goIn.addEventListener("click", () => void enters());
mute.addEventListener("click", toggleMute);
leave.addEventListener("click", () => {
  left = true;
  presence.leave();
  announce(t("left"));
});
unblock.addEventListener("click", () => presence.sound());
document.addEventListener("keydown", (event) => {
  const target = event.target as HTMLElement;
  if (
    event.key.toLowerCase() !== "m" ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.repeat
  )
    return;
  if (target.closest("input, textarea, select, dialog, [contenteditable]")) return;
  toggleMute();
});
window.addEventListener("pagehide", () => presence.leave(true));
window.addEventListener("hashchange", () => location.reload());
window.addEventListener("beforeunload", (event) => {
  if (presence.wanted && room?.room.phase === "live") event.preventDefault();
});

window.samvad = {
  stats: () => ({
    phase: room?.room.phase ?? null,
    you: room?.you ?? null,
    voices: room?.room.speakers ?? [],
    lost,
    muted,
    listening,
    level: microphone.level(),
    audio: others,
    blocked: presence.blocked,
    ...presence.stats(),
  }),
};

place.replaceChildren(waiting, layout);
keepToken();
if (token === "") {
  closed("noToken");
} else {
  link.start();
  void countListeners();
  void Microphone.allowed().then((yes) => {
    if (yes && !microphone.stream) void checks.ready();
  });
  window.setInterval(() => {
    presence.tick(link.fresh, Date.now());
    if (trouble.hidden === false && Date.now() >= toldUntil && !lost) draw();
  }, 250);
  const frame = () => {
    drawLive();
    window.setTimeout(() => window.requestAnimationFrame(frame), 50);
  };
  window.requestAnimationFrame(frame);
}
