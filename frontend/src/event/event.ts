// The crowd's page: asks for state, goes to the door, plays. Everything it decides is in
// scene.ts and latency.ts; here is the I/O.

import { backoff, jittered } from "../backoff.ts";
import { byId, config as readConfig, h, say, show } from "../dom.ts";
import { names } from "../format.ts";
import { asLang } from "../text.ts";
import { announcedPanel, doorsPanel, fullPanel, plainPanel } from "./before.ts";
import { type Config, makeContext, type Panel, type View } from "./context.ts";
import { Heard, ServerClock } from "./heard.ts";
import { policy, pollMs } from "./latency.ts";
import { Live } from "./live.ts";
import { Meter } from "./meter.ts";
import { onAirPanel } from "./onair.ts";
import { replayPanel } from "./replay.ts";
import { type Happening, knocks, plays, reduce, type Scene, scene, start } from "./scene.ts";
import { readState, readVerdict } from "./state.ts";

/** A seat not listened from is shown at the door this often, so that it is not given away. */
const HOLD_MS = 20_000;
/** Nobody who wants to listen waits so long before pressing, once it is on air. */
const HOLD_LIVE_MS = 5 * 60_000;
/** After so long a pause the seat is free for somebody else. */
const PAUSE_MS = 5 * 60_000;
const ASK_MS = 8_000;

const config = readConfig<Config>();
const context = makeContext(config, asLang(document.documentElement.lang));
const { t, locale } = context;

const memory = {
  key: (what: string) => `samvad-${config.event}-${what}`,
  get(what: string): string | null {
    try {
      return sessionStorage.getItem(this.key(what));
    } catch {
      return null;
    }
  },
  set(what: string, value: string | null) {
    try {
      if (value === null) sessionStorage.removeItem(this.key(what));
      else sessionStorage.setItem(this.key(what), value);
    } catch {
      // Private windows may keep nothing; then a reload is a new listener.
    }
  },
};

let model = start(memory.get("ticket"), memory.get("wanted") === "yes");
const clock = new ServerClock();
const heard = new Heard();
const meter = new Meter();
const liveAudio = h("audio", { id: "live-audio", preload: "none" });
const replayAudio = h("audio", { id: "replay-audio", preload: "none" });
const live = new Live(liveAudio, {
  sound: (sound) => happen({ what: "sound", sound }),
  away: () => happen({ what: "turned_away" }),
  unsupported: () => {
    unsupported = true;
    tick();
  },
});
let unsupported = false;
let stateTries = 0;
let doorTries = 0;
let knocking = false;
let stateTimer = 0;
let held_at = 0;
let paused_at: number | null = null;
let dead = false;
let current = policy("low");
const server_now = () => Date.now() + clock.offset_ms;

function happen(happening: Happening): void {
  const before = model.door;
  model = reduce(model, happening);
  if (model.door !== before) memory.set("ticket", model.ticket);
  if (happening.what === "wanted") memory.set("wanted", happening.wanted ? "yes" : null);
  tick();
}

// --- what the gate is asked

async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const controller = new AbortController();
  const timer = window.setTimeout(() => controller.abort(), ASK_MS);
  try {
    return await fetch(config.gate + path, { ...options, signal: controller.signal });
  } finally {
    window.clearTimeout(timer);
  }
}

async function readTheState(): Promise<void> {
  window.clearTimeout(stateTimer);
  let wait: number;
  try {
    const sent = Date.now();
    const response = await ask(config.state);
    const got = Date.now();
    if (!response.ok) throw new Error(`state ${response.status}`);
    const state = readState(await response.json());
    if (!state) throw new Error("not a state");
    clock.add(sent, got, state.now_ms);
    heard.add(state.now_ms, state.voices);
    stateTries = 0;
    happen({ what: "state", state, now_ms: server_now() });
    const opens = state.doors_ms ?? state.starts_ms;
    const until = opens === null ? null : opens - server_now();
    wait = pollMs(state.phase, state.latency, !document.hidden, until);
    if (state.phase === "ended" && state.replay) wait = 60_000;
    wait = jittered(wait, Math.random());
  } catch {
    if (stateTries > 0) happen({ what: "no_state" });
    wait = backoff(stateTries++, 600, 8_000, Math.random());
  }
  window.clearTimeout(stateTimer);
  stateTimer = window.setTimeout(() => void readTheState(), wait);
}

/** `quietly`: only shows the ticket again, to keep the seat. */
async function knock(quietly: boolean): Promise<void> {
  if (knocking) return;
  knocking = true;
  held_at = Date.now();
  if (!quietly) happen({ what: "asking" });
  try {
    const response = await ask(config.door, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(model.ticket === null ? {} : { ticket: model.ticket }),
    });
    const verdict = response.ok ? readVerdict(await response.json()) : null;
    if (!verdict) throw new Error(`door ${response.status}`);
    doorTries = 0;
    knocking = false;
    happen({ what: "verdict", verdict, now_ms: server_now() });
  } catch {
    knocking = false;
    if (quietly) return;
    const wait = backoff(doorTries++, 500, 8_000, Math.random());
    happen({ what: "no_verdict", retry_at_ms: server_now() + wait });
  }
}

// --- what the reader does

/** In a press: sound is allowed from now on, also when it comes later. */
function listen(): void {
  void meter.take(liveAudio);
  if (!live.active && !liveAudio.src) {
    liveAudio.src = silence();
    liveAudio.play().catch(() => undefined);
  }
  if (model.sound === "over" || model.sound === "off") happen({ what: "sound", sound: "off" });
  happen({ what: "wanted", wanted: true });
  if (live.active) live.resume();
}

function toggle(): void {
  const going =
    model.sound === "playing" || model.sound === "waiting" || model.sound === "starting";
  if (model.wanted && going) {
    happen({ what: "wanted", wanted: false });
    live.pause();
    happen({ what: "sound", sound: "paused" });
  } else {
    listen();
  }
}

/** A tenth of a second of nothing, as WAV: playing it in a press unlocks the element. */
function silence(): string {
  const rate = 8000;
  const samples = rate / 10;
  const bytes = new DataView(new ArrayBuffer(44 + samples));
  const put = (at: number, text: string) => {
    for (let i = 0; i < text.length; i++) bytes.setUint8(at + i, text.charCodeAt(i));
  };
  put(0, "RIFF");
  bytes.setUint32(4, 36 + samples, true);
  put(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, rate, true);
  bytes.setUint16(32, 1, true);
  bytes.setUint16(34, 8, true);
  put(36, "data");
  bytes.setUint32(40, samples, true);
  for (let i = 0; i < samples; i++) bytes.setUint8(44 + i, 128);
  return URL.createObjectURL(new Blob([bytes.buffer], { type: "audio/wav" }));
}

// --- what is shown

const place = byId("now");
const status = byId("status");
const lamp = byId("lamp");
const panels: Record<Scene, Panel> = {
  loading: plainPanel(t("loading"), "", true),
  announced: announcedPanel(context),
  doors: doorsPanel(context, listen),
  full: fullPanel(context),
  live: onAirPanel(context, liveAudio, {
    toggle,
    goLive: () => {
      if (!model.wanted) listen();
      live.goLive();
    },
    volume(level) {
      liveAudio.muted = false;
      liveAudio.volume = level;
      memory.set("volume", String(level));
      tick();
    },
    silence() {
      liveAudio.muted = !liveAudio.muted;
      if (!liveAudio.muted && liveAudio.volume === 0) liveAudio.volume = 1;
      tick();
    },
  }),
  preparing: plainPanel(t("over"), t("preparing"), true),
  replay: replayPanel(context, replayAudio),
  cancelled: plainPanel(t("cancelled"), t("cancelledText")),
};
const trouble = h("p", { class: "notice trouble", role: "status", hidden: true });
let shown: Scene | null = null;

function view(): View {
  const now_ms = server_now();
  const at = live.heard_ms();
  return {
    model,
    scene: scene(model, now_ms),
    now_ms,
    voices: at === null ? (model.state?.voices ?? []) : heard.at(at),
    latency_s: at === null ? live.behind_s() : (now_ms - at) / 1000,
    level: meter.level(),
  };
}

function tick(): void {
  if (dead) return;
  const now_ms = server_now();
  act(now_ms);
  const seen = view();
  if (shown !== seen.scene) {
    shown = seen.scene;
    place.replaceChildren(panels[seen.scene].root, trouble);
    document.body.dataset["scene"] = seen.scene;
    session();
  }
  panels[seen.scene].update(seen);
  show(lamp, model.state?.phase === "live");
  const line = model.state?.status ?? null;
  if (line && status.dataset["at"] !== String(line.at_ms)) {
    status.dataset["at"] = String(line.at_ms);
    status.replaceChildren(
      h("figure", { class: "status" }, h("figcaption", {}, t("hostSays")), h("p", {}, line.text)),
    );
  } else if (!line && status.dataset["at"]) {
    delete status.dataset["at"];
    status.replaceChildren();
  }
  show(trouble, unsupported || model.lost);
  say(trouble, unsupported ? t("unsupported") : model.lost ? t("lost") : "");
}

/** What follows from the model as it is now. */
function act(now_ms: number): void {
  if (knocks(model, now_ms)) void knock(false);
  const { door, state } = model;
  if (plays(model, now_ms) && !live.active && !unsupported && door.at === "in") {
    paused_at = null;
    current = policy(state?.latency ?? "low", state?.lean);
    live.start(config.gate + door.play, current);
  } else if (live.active && scene(model, now_ms) !== "live") {
    live.stop();
    model = reduce(model, { what: "sound", sound: "off" });
  }
  if (live.active && liveAudio.paused && !model.wanted) {
    paused_at ??= Date.now();
    if (Date.now() - paused_at > PAUSE_MS) {
      live.stop();
      model = reduce(model, { what: "sound", sound: "off" });
    }
  } else {
    paused_at = null;
  }
  const waits = door.at === "in" && !live.active && !unsupported;
  const long =
    state?.phase === "live" && now_ms - (door.at === "in" ? door.since_ms : 0) > HOLD_LIVE_MS;
  if (waits && !long && Date.now() - held_at > HOLD_MS) void knock(true);
}

/** The crowd's size has changed the mode: each page follows at a moment of its own. */
let retuning = 0;
function follow(): void {
  const wanted = policy(model.state?.latency ?? "low", model.state?.lean);
  if (!live.active || retuning || current === wanted) return;
  retuning = window.setTimeout(() => {
    retuning = 0;
    current = policy(model.state?.latency ?? "low", model.state?.lean);
    live.retune(current);
  }, Math.random() * 10_000);
}

function session(): void {
  const media = navigator.mediaSession;
  if (!media || (shown !== "live" && shown !== "replay")) return;
  const artist = config.speakers.length > 0 ? names(config.speakers, locale) : t("artist");
  media.metadata = new MediaMetadata({ title: config.title, artist, album: "Samvad" });
  const set = (what: MediaSessionAction, act: MediaSessionActionHandler | null) => {
    try {
      media.setActionHandler(what, act);
    } catch {
      // An action this browser does not know.
    }
  };
  const replaying = shown === "replay";
  set("play", replaying ? () => void replayAudio.play() : listen);
  set("pause", replaying ? () => replayAudio.pause() : () => model.wanted && toggle());
  set("seekbackward", replaying ? () => (replayAudio.currentTime -= 15) : null);
  set("seekforward", replaying ? () => (replayAudio.currentTime += 15) : null);
}

window.samvad = {
  stats() {
    const seen = view();
    return {
      scene: seen.scene,
      state: model.state?.phase ?? null,
      latency_mode: model.state?.latency ?? null,
      verdict: model.door.at === "in" ? "admit" : model.door.at === "refused" ? "refuse" : null,
      reason: model.door.at === "refused" ? model.door.reason : null,
      ticket: model.ticket,
      sound: model.sound,
      wanted: model.wanted,
      lost: model.lost,
      latency_s: seen.latency_s,
      heard_ms: live.heard_ms(),
      level: seen.level,
      voices: seen.voices,
      speaking: seen.voices.filter((voice) => voice.speaking).map((voice) => voice.name),
      listening: model.state?.listening ?? null,
      engine: live.engineName,
      codec: live.codec,
      reads: live.reads,
      last_fault: live.lastFault,
      clock_offset_ms: clock.offset_ms,
      paused: liveAudio.paused,
      position_s: liveAudio.currentTime,
      audio: shown === "replay" ? replayAudio : liveAudio,
      ...live.figures,
    };
  },
};

document.body.append(liveAudio, replayAudio);
const volume = Number(memory.get("volume") ?? "1");
if (volume >= 0 && volume <= 1) liveAudio.volume = volume;
if (config.starts_ms !== null && config.starts_ms > Date.now()) {
  // Known already from the page itself; the gate's word follows.
  panels.announced.update(view());
  place.replaceChildren(panels.announced.root, trouble);
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
let last = 0;
function frame(now: number): void {
  if (dead) return;
  // The line of sound moves 15 times a second; without motion once a second is enough.
  if (now - last > (shown === "live" && !calm.matches ? 66 : 250)) {
    last = now;
    follow();
    tick();
  }
  window.requestAnimationFrame(frame);
}
window.requestAnimationFrame(frame);
// Frames stop in the background; sound, the door and the end do not.
window.setInterval(() => {
  if (document.hidden) tick();
}, 1_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void readTheState();
});
window.addEventListener("online", () => void readTheState());
// A page that comes back out of the browser's cache goes on; one that leaves stops asking.
window.addEventListener("pagehide", (event) => {
  dead = !event.persisted;
});
void readTheState();
