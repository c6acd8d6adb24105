// After: the recording, with seek, speed and download.

import { backoff } from "../backoff.ts";
import { h, icon, say, set } from "../dom.ts";
import { clock, moment, writeSize } from "../format.ts";
import { readTime } from "../replay/about.ts";
import { listenToKeys } from "../replay/keys.ts";
import type { More } from "../replay/more.ts";
import type { Context, Panel } from "./context.ts";
import type { Replay } from "./state.ts";

const SPEEDS = [0.75, 1, 1.25, 1.5, 2];

/** What was made of it after the end may come a moment later: it is looked for so often. */
const LOOK_MS = 4_000;
const LOOKS = 30;

/** `news`: asks the gate what there is now. */
export function replayPanel(context: Context, audio: HTMLAudioElement, news: () => void): Panel {
  const { t, locale, zone, config } = context;
  const press = h("button", { type: "button", id: "replay-play", class: "play" });
  const back = h(
    "button",
    { type: "button", class: "button compact number", "aria-label": `−15 s, ${t("back15")}` },
    "−15 s",
  );
  const ahead = h(
    "button",
    { type: "button", class: "button compact number", "aria-label": `+15 s, ${t("ahead15")}` },
    "+15 s",
  );
  const seek = h("input", {
    type: "range",
    id: "seek",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    "aria-label": t("seek"),
  });
  const at = h("span", { class: "number" });
  const total = h("span", { class: "number" });
  const speed = h("select", { id: "speed" });
  for (const one of SPEEDS) {
    speed.append(h("option", { value: one, selected: one === 1 }, `${writeSpeed(one, locale)} ×`));
  }
  const download = h("a", { class: "button", id: "download" });
  const held = h("p", { class: "soft" });

  let replay: Replay | null = null;
  let dragging = false;
  const length = () => {
    const own = audio.duration;
    return Number.isFinite(own) && own > 0 ? own : (replay?.duration_ms ?? 0) / 1000;
  };
  const face = () => {
    const label = audio.paused ? t("play") : t("pause");
    press.replaceChildren(icon(audio.paused ? "play" : "pause"));
    set(press, { "aria-label": label, title: label });
  };
  const tell = () => {
    const whole = length();
    const here = dragging ? Number(seek.value) : audio.currentTime;
    seek.max = String(Math.max(1, Math.floor(whole)));
    if (!dragging) seek.value = String(Math.floor(here));
    set(seek, { "aria-valuetext": t("position", { at: clock(here), length: clock(whole) }) });
    seek.style.setProperty("--done", `${whole > 0 ? (100 * here) / whole : 0}%`);
    made?.update();
    say(at, clock(here));
    say(total, clock(whole));
  };
  const jump = (to: number) => {
    audio.currentTime = Math.min(Math.max(0, to), Math.max(0, length() - 0.1));
    tell();
  };
  press.addEventListener("click", () => {
    if (audio.paused) audio.play().catch(() => undefined);
    else audio.pause();
  });
  back.addEventListener("click", () => jump(audio.currentTime - 15));
  ahead.addEventListener("click", () => jump(audio.currentTime + 15));
  seek.addEventListener("input", () => {
    dragging = true;
    tell();
  });
  seek.addEventListener("change", () => {
    dragging = false;
    jump(Number(seek.value));
  });
  speed.addEventListener("change", () => {
    audio.playbackRate = Number(speed.value);
  });
  listenToKeys(() => root.isConnected, {
    toggle: () => press.click(),
    skip: (seconds) => jump(audio.currentTime + seconds),
    share: (of) => jump(of * length()),
    faster: (steps) => {
      const at = SPEEDS.indexOf(audio.playbackRate) + steps;
      const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))] ?? 1;
      audio.playbackRate = next;
      speed.value = String(next);
    },
  });
  for (const what of ["play", "pause", "ended"]) audio.addEventListener(what, face);
  for (const what of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(what, tell);
  face();

  let made: More | null = null;
  let looking = false;
  /** Waveform, chapters, transcript: as soon as they are there. */
  const look = async (base: string, left: number) => {
    const { more } = await import("../replay/more.ts");
    made = await more(context, { audio, length_s: length, jump }, base);
    if (!made) {
      if (left > 0) window.setTimeout(() => void look(base, left - 1), LOOK_MS);
      return;
    }
    scrub.prepend(made.wave);
    root.append(made.below);
    if (made.beside) document.getElementById("beside")?.prepend(made.beside);
    tell();
  };
  /** Where to begin: the link's own moment (?t=), or where another version of it was left. */
  let asked = readTime(new URLSearchParams(location.search).get("t"));
  audio.addEventListener("loadedmetadata", () => {
    if (asked !== null) jump(asked);
    asked = null;
  });
  /** It is to be heard once it is there: an element that cannot load pauses by itself. */
  let goes_on = false;
  let tries = 0;
  /** Another version comes while people listen (its loudness set, a passage cut): they go on
   * where they are. Each try is an address of its own, so that no old piece is taken. */
  const load = ({ url, bytes }: Replay) => {
    goes_on ||= !audio.paused;
    if (audio.currentSrc && audio.currentTime > 0) asked = audio.currentTime;
    audio.preload = "metadata";
    audio.src = `${config.gate}${url}?v=${bytes}${tries ? `&try=${tries}` : ""}`;
    if (goes_on) audio.play().catch(() => undefined);
  };
  audio.addEventListener("playing", () => {
    tries = 0;
    goes_on = false;
  });
  audio.addEventListener("pause", () => (goes_on &&= audio.error !== null));
  // Most likely another version took its place while this one was being read: its pieces do not fit
  // together. Or the network was gone for a moment.
  audio.addEventListener("error", () => {
    news();
    const of = replay;
    window.setTimeout(
      () => {
        // What came in the meantime has been loaded already.
        if (of && of === replay && audio.error) load(of);
      },
      backoff(tries++, 500, 30_000, Math.random()),
    );
  });

  const scrub = h(
    "div",
    { class: "scrub" },
    seek,
    h("p", { class: "scrub-times soft" }, at, total),
  );
  const root = h(
    "div",
    { class: "panel replay stack wide" },
    h("div", { class: "stack tight" }, h("h2", {}, t("replay")), held),
    h("div", { class: "transport" }, press, scrub),
    h(
      "div",
      { class: "row apart" },
      h(
        "div",
        { class: "row" },
        back,
        ahead,
        h("label", { class: "speed" }, h("span", {}, t("speed")), speed),
      ),
      download,
    ),
  );

  return {
    root,
    update({ model }) {
      const { state } = model;
      if (!state?.replay) return;
      if (replay?.url !== state.replay.url || replay.bytes !== state.replay.bytes) {
        replay = state.replay;
        const url = config.gate + replay.url;
        load(replay);
        set(download, { href: url, download: `${config.slug}.m4a` });
        download.replaceChildren(
          icon("download"),
          h("span", {}, t("download", { size: writeSize(replay.bytes, locale) })),
        );
        const began = state.live_since_ms ?? state.starts_ms;
        say(held, began === null ? "" : t("heldOn", { time: moment(began, zone, locale) }));
        if (!looking) {
          looking = true;
          void look(url.replace(/replay\.m4a$/, "r/"), LOOKS);
        }
        tell();
      }
    },
  };
}

function writeSpeed(n: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(n);
}
