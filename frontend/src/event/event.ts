// The crowd's page: asks for state, goes to the door, waits in line, plays. Everything it decides
// is in scene.ts, line.ts and latency.ts; here is the I/O.

import { backoff } from "../backoff.ts";
import { byId, config as readConfig, h, say, show } from "../dom.ts";
import { names, writeNumber } from "../format.ts";
import { asLang } from "../text.ts";
import type { Challenge } from "altcha/lib";
import { Back } from "./back.ts";
import { Captions } from "./captions.ts";
import { announcedPanel, doorsPanel, fullPanel, plainPanel } from "./before.ts";
import { type Config, makeContext, type Panel, type View } from "./context.ts";
import { Gate } from "./gate.ts";
import { Heard, ServerClock } from "./heard.ts";
import { News } from "./news.ts";
import { passIn } from "./pass.ts";
import { policy } from "./latency.ts";
import { Toll } from "./proof.ts";
import { Live } from "./live.ts";
import { Memory } from "./memory.ts";
import { Meter } from "./meter.ts";
import { onAirPanel } from "./onair.ts";
import { replayPanel } from "./replay.ts";
import { RungNotice } from "./rungs.ts";
import {
  type Happening,
  knocks,
  LASTS,
  plays,
  queues,
  reduce,
  type Scene,
  scene,
  standing,
  start,
  VERDICTS,
} from "./scene.ts";
import { readVerdict } from "./state.ts";
import { Stalled } from "./stalled.ts";
import { watchStaying } from "./staying.ts";
import { inSystem } from "./session.ts";
import { silence, Tone } from "./tone.ts";
import {
  invitePanel,
  leftPanel,
  linePanel,
  preparingPanel,
  proofPanel,
  turnedPanel,
} from "./waiting.ts";

/** A seat not listened from is shown at the door this often, so that it is not given away. */
const HOLD_MS = 20_000;
/** Nobody who wants to listen waits so long before pressing, once it is on air. */
const HOLD_LIVE_MS = 5 * 60_000;
/** After so long a pause the seat is free for somebody else. */
const PAUSE_MS = 5 * 60_000;
/** Other tabs are told so often that this one has the seat. */
const HERE_MS = 5_000;

const config = readConfig<Config>();
const context = makeContext(config, asLang(document.documentElement.lang));
const { t, locale } = context;

const memory = new Memory(config.event);
const came = passIn(location.href);
if (came) {
  memory.keepShared("pass", came.pass);
  history.replaceState(history.state, "", came.rest);
}
let model = start(
  memory.shared("ticket"),
  memory.own("wanted") === "yes",
  memory.shared("place"),
  Math.random(),
);
const tone = new Tone();
const clock = new ServerClock();
const gate = new Gate(config.gate);
const heard = new Heard();
const meter = new Meter();
const liveAudio = h("audio", { id: "live-audio", preload: "none" });
const replayAudio = h("audio", { id: "replay-audio", preload: "none" });
const live = new Live(liveAudio, {
  sound: (sound) => happen({ what: "sound", sound }),
  away: () => happen({ what: "turned_away" }),
  lost: () => model.lost,
  unsupported: () => {
    unsupported = true;
    tick();
  },
});
let unsupported = false;
let arrived_hidden = false;
let doorTries = 0;
const toll = new Toll();
const stalled = new Stalled();
let knocking = false;
let held_at = 0;
let here_at = 0;
let paused_at: number | null = null;
let dead = false;
let current = policy("low");
const fitting = () => policy(model.state?.latency ?? "low", model.state?.lean);
const server_now = () => Date.now() + clock.offset_ms;
const news = new News({
  config,
  gate,
  clock,
  heard,
  model: () => model,
  happen,
});

function happen(happening: Happening): void {
  const before = model;
  model = reduce(model, happening);
  if (model.ticket !== before.ticket) memory.keepShared("ticket", model.ticket);
  if (model.place !== before.place) memory.keepShared("place", model.place);
  if (model.wanted !== before.wanted) memory.keepOwn("wanted", model.wanted ? "yes" : null);
  if (model.door.at === "in" && model.door.from_line && before.door.at !== "in") arrive();
  // What is read changes with the place: at once, not when the other one's turn would come.
  if (queues(model) !== queues(before)) news.soon();
  tick();
}

/** It was waited for, and now it is time: heard, felt, seen in the tab's name, and said. */
function arrive(): void {
  void tone.ring();
  say(told, `${t("seatIn")} ${config.title}`);
  arrived_hidden = document.hidden;
  // Who waited wants to hear. Where no press has unlocked sound, the button asks for one.
  const pressed = (navigator as { userActivation?: UserActivation }).userActivation?.hasBeenActive;
  if (model.state?.phase === "live" || pressed) {
    model = reduce(model, { what: "wanted", wanted: true });
    memory.keepOwn("wanted", "yes");
  }
}

// --- the door

/** What is shown at the door. Another tab may have got a seat or a place meanwhile. */
function shownAtDoor(): string {
  const shown = {
    ticket: model.ticket ?? memory.shared("ticket"),
    place: model.place ?? memory.shared("place"),
    pass: memory.shared("pass"),
    phrase: memory.own("phrase"),
    proof: toll.proof,
  };
  return JSON.stringify(Object.fromEntries(Object.entries(shown).filter(([, one]) => one)));
}

/** `quietly`: only shows the ticket again, to keep the seat. */
async function knock(quietly: boolean): Promise<void> {
  if (knocking) return;
  knocking = true;
  held_at = Date.now();
  if (!quietly) happen({ what: "asking" });
  try {
    await memory.alone(async () => {
      const response = await gate.post(config.door, shownAtDoor());
      const verdict = response.ok ? readVerdict(await response.json()) : null;
      if (!verdict) throw new Error(`door ${response.status}`);
      doorTries = 0;
      knocking = false;
      toll.proof = null;
      happen({ what: "verdict", verdict, now_ms: server_now() });
      if (verdict.verdict === "refuse" && verdict.challenge) void work(verdict.challenge);
    });
  } catch {
    knocking = false;
    if (quietly) return;
    const wait = backoff(doorTries++, 500, 8_000, Math.random());
    happen({ what: "no_verdict", retry_at_ms: server_now() + wait });
  }
}

/** Does what the door asks, and knocks again. */
async function work(challenge: Challenge): Promise<void> {
  await toll.work(challenge, config.worker, tick);
  if (model.door.at === "refused" && model.door.reason === "proof") happen({ what: "again" });
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
  if (back.active) return back.toggle();
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

/** Out of the line, or off the seat, for good. */
function leave(): void {
  giveBack();
  live.stop();
  happen({ what: "left" });
}

/** The seat is somebody else's from now on. */
function giveBack(closing = false): void {
  if (model.ticket === null || model.door.at !== "in") return;
  const body = JSON.stringify({ ticket: model.ticket, ...(closing ? { closing } : {}) });
  navigator.sendBeacon(`${config.gate}${config.door}/leave`, body);
}

function phrase(text: string): void {
  memory.keepOwn("phrase", text);
  happen({ what: "again" });
}

// --- what is shown

const place = byId("now");
const status = byId("status");
const lamp = byId("lamp");
const rung = new RungNotice(context);
status.before(rung.root);
// Assertive: after a long wait one may be looking elsewhere.
const told = h("p", { class: "visually-hidden", role: "alert" });
document.body.append(told);
const lineActs = { listen, leave, again: () => happen({ what: "again" }), phrase };
const panels: Record<Scene, Panel> = {
  loading: plainPanel(t("loading"), "", true),
  announced: announcedPanel(context, () => ({
    reminded: came?.reminded ?? false,
    pass: memory.shared("pass"),
  })),
  line: linePanel(context, lineActs),
  left: leftPanel(context, lineActs),
  closed: turnedPanel(context, t("closed"), t("closedText")),
  reduced: turnedPanel(context, t("reduced"), t("reducedText")),
  invite: invitePanel(context, lineActs),
  proof: proofPanel(context, () => toll.failed),
  doors: doorsPanel(context, listen),
  full: fullPanel(context),
  live: onAirPanel(context, liveAudio, {
    toggle,
    goLive: () => {
      if (back.active) return back.toLive();
      if (!model.wanted) listen();
      live.goLive();
    },
    volume(level) {
      liveAudio.muted = false;
      liveAudio.volume = level;
      memory.keepOwn("volume", String(level));
      tick();
    },
    silence() {
      liveAudio.muted = !liveAudio.muted;
      if (!liveAudio.muted && liveAudio.volume === 0) liveAudio.volume = 1;
      tick();
    },
  }),
  preparing: preparingPanel(context),
  replay: replayPanel(context, replayAudio, () => news.soon()),
  cancelled: plainPanel(t("cancelled"), t("cancelledText")),
};
let was_muted = false;
const back = new Back(context, {
  left() {
    was_muted = liveAudio.muted;
    live.stop();
  },
  returning() {
    liveAudio.muted = true;
    current = fitting();
    if (model.door.at === "in") live.start(config.gate + model.door.play, current);
  },
  over: () => (model = reduce(model, { what: "sound", sound: "off" })),
});
liveAudio.addEventListener("playing", () => {
  if (!back.returning || !live.active) return;
  back.finish();
  liveAudio.muted = was_muted;
});
const captions = new Captions(context, memory);
panels.live.root.querySelector(".transport")?.after(back.root, captions.root);
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
    latency_s: back.active ? back.behind_s() : at === null ? live.behind_s() : (now_ms - at) / 1000,
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
  const seat = model.door.at === "in" ? config.gate + model.door.play : null;
  const here = seen.scene === "live" ? model.state : null;
  back.update(here, seat, now_ms);
  captions.update(here, seat === null ? null : (live.heard_ms() ?? now_ms), back.active);
  show(lamp, model.state?.phase === "live");
  rung.tell(
    LASTS.includes(seen.scene) ? (model.state?.rung ?? null) : null,
    model.state?.promise_ms ?? null,
  );
  entitle();
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

/** The tab's name: the place in line, and that it is time, until it was looked at. */
function entitle(): void {
  const line = standing(model);
  if (!document.hidden) arrived_hidden = false;
  const numbered = line && model.state?.phase !== "announced";
  const sign = numbered ? `(${writeNumber(line.number, locale)}) ` : arrived_hidden ? "▶ " : "";
  const words = arrived_hidden ? `${t("seatIn")} ${config.title}` : config.title;
  const title = `${sign}${words} · Samvad`;
  if (document.title !== title) document.title = title;
}

/** What follows from the model as it is now. */
function act(now_ms: number): void {
  if (knocks(model, now_ms)) void knock(false);
  const { door, state } = model;
  const stops = door.at === "in" ? stalled.due(live.figures, now_ms, Math.random()) : null;
  if (stops && model.ticket !== null) {
    const body = JSON.stringify({ ticket: model.ticket, ...stops });
    navigator.sendBeacon(`${config.gate}${config.door}/stalls`, body);
  }
  if (door.at === "in" && Date.now() - here_at > HERE_MS) {
    here_at = Date.now();
    memory.here(here_at);
  }
  if (plays(model, now_ms) && !live.active && !back.active && !unsupported && door.at === "in") {
    paused_at = null;
    current = fitting();
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
  if (!live.active || retuning || current === fitting()) return;
  retuning = window.setTimeout(() => {
    retuning = 0;
    current = fitting();
    live.retune(current);
  }, Math.random() * 10_000);
}

function session(): void {
  if (shown !== "live" && shown !== "replay") return;
  const artist = config.speakers.length > 0 ? names(config.speakers, locale) : t("artist");
  inSystem(config.title, artist, shown === "replay" ? replayAudio : null, {
    play: listen,
    pause: () => model.wanted && toggle(),
  });
}

window.samvad = {
  stats() {
    const seen = view();
    return {
      scene: seen.scene,
      state: model.state?.phase ?? null,
      latency_mode: model.state?.latency ?? null,
      verdict: VERDICTS[model.door.at],
      line: standing(model),
      rung: model.state?.rung ?? null,
      promise_ms: model.state?.promise_ms ?? null,
      tone: tone.figures,
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
      followed: live.active ? current.latency : null,
      last_fault: live.lastFault,
      pathway: live.pathway,
      clock_offset_ms: clock.offset_ms,
      paused: liveAudio.paused,
      position_s: liveAudio.currentTime,
      audio: shown === "replay" ? replayAudio : liveAudio,
      ...live.figures,
    };
  },
};

document.body.append(liveAudio, replayAudio, back.audio);
const volume = Number(memory.own("volume") ?? "1");
if (volume >= 0 && volume <= 1) liveAudio.volume = volume;
if (config.starts_ms !== null && config.starts_ms > Date.now()) {
  // Known already from the page itself; the gate's word follows.
  panels.announced.update(view());
  place.replaceChildren(panels.announced.root, trouble);
}

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
function frame(): void {
  if (dead) return;
  follow();
  tick();
  // The line of sound moves 15 times a second; without motion four times are enough. Between them no
  // frame is asked for: a phone that draws sixty of them warms its pocket.
  const wait_ms = shown === "live" && !calm.matches ? 55 : 240;
  window.setTimeout(() => window.requestAnimationFrame(frame), wait_ms);
}
window.requestAnimationFrame(frame);
// Frames stop in the background; sound, the door and the end do not.
window.setInterval(() => {
  if (document.hidden) tick();
}, 1_000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) news.soon();
});
window.addEventListener("online", () => news.soon());
// Any press on the page lets the tone be heard later.
for (const press of ["click", "keydown"]) {
  document.addEventListener(press, () => queues(model) && tone.arm());
}
const staying = watchStaying();
// A page that comes back out of the browser's cache goes on; one that leaves stops asking, and
// its seat is free at once unless another tab sits on it.
window.addEventListener("pagehide", (event) => {
  dead = !event.persisted;
  if (!dead) return;
  memory.gone();
  if (!staying() && !memory.others(Date.now())) giveBack(true);
});
news.soon();
