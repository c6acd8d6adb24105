// On air: who speaks, the sound as it comes, and the controls.

import { h, icon, say, set, show } from "../dom.ts";
import { names, writeNumber } from "../format.ts";
import { initials } from "../people.ts";
import type { Context, Panel, View } from "./context.ts";
import { Figures } from "./figures.ts";
import { Trace } from "./meter.ts";
import type { Voice } from "./state.ts";

export interface Acts {
  toggle(): void;
  goLive(): void;
  volume(level: number): void;
  silence(): void;
}

interface Seat {
  readonly root: HTMLElement;
  readonly face: HTMLElement;
  readonly note: HTMLElement;
}

export function onAirPanel(context: Context, audio: HTMLAudioElement, acts: Acts): Panel {
  const { t, locale } = context;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const voices = h("ul", { class: "voices", "aria-label": t("voices") });
  const seats = new Map<string, Seat>();
  const trace = new Trace(
    h("canvas", { class: "trace", role: "img", "aria-label": t("levelLabel") }),
  );
  const now = h("p", { class: "speaking-now soft" });

  const press = h("button", { type: "button", id: "play", class: "play" });
  press.addEventListener("click", acts.toggle);
  const live = h("button", { type: "button", id: "go-live", class: "button compact" }, t("goLive"));
  live.addEventListener("click", acts.goLive);
  const behind = h("span", { class: "behind number" });
  const listening = h("span", { class: "number" });
  const silence = h("button", { type: "button", class: "icon-button" });
  silence.addEventListener("click", acts.silence);
  const volume = h("input", {
    type: "range",
    id: "volume",
    min: 0,
    max: 1,
    step: 0.05,
    value: audio.volume,
    "aria-label": t("volume"),
  });
  volume.addEventListener("input", () => acts.volume(Number(volume.value)));
  const word = h("p", { class: "sound-word", role: "status" });

  const figures = new Figures(context);

  let drawn = "";
  const face = (name: "play" | "pause", label: string) => {
    if (drawn === name + label) return;
    drawn = name + label;
    press.replaceChildren(icon(name));
    set(press, { "aria-label": label, title: label });
  };
  let quiet: boolean | null = null;

  const root = h(
    "div",
    { class: "panel on-air" },
    voices,
    trace.canvas,
    now,
    h(
      "div",
      { class: "transport" },
      press,
      h(
        "div",
        { class: "transport-words" },
        word,
        h("p", { class: "counts soft" }, behind, listening),
      ),
      h("div", { class: "transport-more" }, live, h("div", { class: "volume" }, silence, volume)),
    ),
    figures.root,
  );

  function seat(voice: Voice): Seat {
    const known = seats.get(voice.name);
    if (known) return known;
    const one = {
      root: h("li", { class: "voice" }),
      face: h(
        "span",
        { class: "face", "aria-hidden": "true" },
        h("span", {}, initials(voice.name)),
      ),
      note: h("span", { class: "voice-note soft" }),
    };
    one.root.append(one.face, h("span", { class: "voice-name" }, voice.name), one.note);
    seats.set(voice.name, one);
    voices.append(one.root);
    return one;
  }

  return {
    root,
    update({ model, scene, voices: heard, latency_s, level }) {
      const { sound, wanted } = model;
      const playing = sound === "playing" || sound === "waiting" || sound === "starting";
      face(wanted && playing ? "pause" : "play", wanted && playing ? t("pause") : t("listen"));
      set(root, { "data-sound": sound });

      const known = new Set(heard.map((voice) => voice.name));
      for (const [name, one] of seats) {
        if (!known.has(name)) {
          one.root.remove();
          seats.delete(name);
        }
      }
      const loud = sound === "playing" ? (level ?? null) : null;
      for (const voice of heard) {
        const one = seat(voice);
        const speaks = voice.speaking === true && !voice.muted && voice.here;
        one.root.classList.toggle("speaking", speaks);
        one.root.classList.toggle("away", !voice.here);
        say(one.note, !voice.here ? t("notHere") : voice.muted ? t("muted") : "");
        const size = speaks ? (loud ?? voice.level) : 0;
        one.face.style.setProperty(
          "--level",
          calm.matches ? (speaks ? "0.6" : "0") : size.toFixed(2),
        );
      }
      const speaking = heard.filter((v) => v.speaking && v.here && !v.muted).map((v) => v.name);
      const anybody = heard.some((v) => v.here);
      const unknown = heard.some((v) => v.speaking === null);
      say(
        now,
        speaking.length > 0
          ? t("speakingNow", { names: names(speaking, locale) })
          : anybody || unknown || heard.length === 0
            ? ""
            : t("quiet"),
      );

      const shown = loud ?? (sound === "playing" ? Math.max(0, ...heard.map((v) => v.level)) : 0);
      if (calm.matches) trace.still(0);
      else trace.add(shown, performance.now());

      const seconds = latency_s === null ? null : Math.max(0, Math.round(latency_s));
      const far =
        seconds !== null &&
        seconds > { low: 6, plain: 16, long: 24 }[model.state?.latency ?? "low"];
      say(word, soundWord(context, model, scene, far));
      set(live, { "data-shown": far && sound !== "off" ? "" : null, tabindex: far ? null : -1 });
      say(
        behind,
        seconds === null || sound === "off"
          ? ""
          : t("behind", { seconds: writeNumber(seconds, locale) }),
      );
      say(listening, model.state ? t("listening", { n: model.state.listening }) : "");
      figures.tell(model.state);
      const off = audio.muted || audio.volume === 0;
      if (quiet !== off) {
        quiet = off;
        silence.replaceChildren(icon(off ? "silent" : "sound"));
        set(silence, {
          "aria-label": off ? t("unmute") : t("mute"),
          title: off ? t("unmute") : t("mute"),
        });
      }
      if (document.activeElement !== volume) volume.value = String(audio.muted ? 0 : audio.volume);
      show(voices, heard.length > 0);
    },
  };
}

function soundWord(
  context: Context,
  model: View["model"],
  scene: View["scene"],
  far: boolean,
): string {
  const { t } = context;
  if (model.wanted && (model.door.at === "outside" || model.door.at === "asking"))
    return t("toDoor");
  if (model.wanted && model.door.at === "refused") return t("lost");
  switch (model.sound) {
    case "starting":
      return t("starting");
    case "waiting":
      return model.lost ? t("lost") : t("catching");
    case "blocked":
      return t("pressToHear");
    case "playing":
      if (far) return t("behindLive");
      return scene === "live" && model.state?.phase === "live" ? t("live") : "";
    case "off":
    case "paused":
    case "over":
      return t("listen");
  }
}
