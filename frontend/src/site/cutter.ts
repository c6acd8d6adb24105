// The host's waveform of all that was recorded: a passage is chosen by dragging or with two handles
// that keys move, and goes into the form's fields, which work without this too. A module of its own.

import { h, say, set } from "../dom.ts";
import { columns } from "../replay/about.ts";
import { paper } from "../replay/paper.ts";
import { moved, outwards, type Passage, readClock, writeClock } from "./passage.ts";

type End = keyof Passage;
type Say = (key: "cutFrom" | "cutTo" | "cutListen" | "cutStop" | "cutHelp" | "cutNone") => string;

interface About {
  readonly peaks: readonly number[];
  readonly length_ms: number;
  readonly part_ms: number;
  readonly cuts: readonly (readonly [number, number])[];
  readonly audio: string;
}

const COLUMN = 3;
const GAP = 2;
/** A drag shorter than this is a press. */
const DRAG = 6;
/** Page up and down. */
const MANY = 16;
const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -MANY,
  PageUp: MANY,
  Home: -Infinity,
  End: Infinity,
};

export function cutter(
  place: HTMLElement,
  t: Say,
  chosen: (values: { from: string; to: string; length: string }) => string,
): void {
  const form = document.getElementById(place.dataset["cutter"] ?? "") as HTMLFormElement | null;
  const text = document.getElementById("cutter-about")?.textContent;
  const from = form?.elements.namedItem("from");
  const to = form?.elements.namedItem("to");
  if (!text || !(from instanceof HTMLInputElement) || !(to instanceof HTMLInputElement)) return;
  const about = JSON.parse(text) as About;
  const { part_ms, length_ms } = about;
  const cuts = about.cuts.map(([a, b]) => outwards({ from_ms: a, to_ms: b }, part_ms, length_ms));
  const audio = h("audio", { preload: "none", src: about.audio });
  const canvas = h("canvas", { "aria-hidden": "true" });
  const told = h("span", { class: "number" });
  const listen = h("button", { type: "button", class: "button compact" }, t("cutListen"));
  const handle = (end: End) => {
    const label = t(end === "from_ms" ? "cutFrom" : "cutTo");
    const one = h("span", {
      class: "cutter-handle",
      role: "slider",
      tabindex: 0,
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": Math.round(length_ms / 1000),
    });
    one.addEventListener("keydown", (event) => {
      const parts = KEYS[event.key];
      if (parts === undefined) return;
      event.preventDefault();
      choose(moved(passage ?? { from_ms: 0, to_ms: length_ms }, end, parts, part_ms, length_ms));
    });
    grab(one, (at) => {
      const now = passage ?? { from_ms: 0, to_ms: length_ms };
      const parts = Math.round((at - now[end]) / part_ms);
      if (parts) choose(moved(now, end, parts, part_ms, length_ms));
    });
    return one;
  };
  const handles = { from_ms: handle("from_ms"), to_ms: handle("to_ms") };
  const box = h("div", { class: "cutter-wave" }, canvas, handles.from_ms, handles.to_ms);
  place.append(
    h("p", { class: "help" }, t("cutHelp")),
    box,
    h("p", { class: "row apart" }, told, listen),
    audio,
  );

  let passage: Passage | null = null;
  let stops_at = Infinity;

  function typed(): Passage | null {
    if (from instanceof HTMLInputElement && to instanceof HTMLInputElement) {
      if (from.value === "" && to.value === "") return null;
      const from_ms = from.value === "" ? 0 : readClock(from.value);
      const to_ms = to.value === "" ? length_ms : readClock(to.value);
      if (from_ms !== null && to_ms !== null && from_ms < to_ms)
        return outwards({ from_ms, to_ms }, part_ms, length_ms);
    }
    return null;
  }
  function choose(next: Passage | null, write = true): void {
    passage = next;
    if (write && from instanceof HTMLInputElement && to instanceof HTMLInputElement) {
      from.value = next ? writeClock(next.from_ms) : "";
      to.value = next ? writeClock(next.to_ms) : "";
    }
    draw();
  }
  for (const field of [from, to]) field.addEventListener("input", () => choose(typed(), false));

  function at(event: PointerEvent): number {
    const edges = canvas.getBoundingClientRect();
    const share = (event.clientX - edges.left) / Math.max(1, edges.width);
    return Math.min(1, Math.max(0, share)) * length_ms;
  }
  function grab(one: HTMLElement, drag: (ms: number) => void): void {
    one.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      one.focus();
      one.setPointerCapture(event.pointerId);
    });
    one.addEventListener("pointermove", (event) => {
      if (one.hasPointerCapture(event.pointerId)) drag(at(event));
    });
  }

  // --- on the waveform: a drag chooses; a press plays from there, or goes to the cut's own button
  let pressed: { x: number; ms: number } | null = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressed = { x: event.clientX, ms: at(event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pressed || Math.abs(event.clientX - pressed.x) <= DRAG) return;
    const here = at(event);
    const drawn = { from_ms: Math.min(pressed.ms, here), to_ms: Math.max(pressed.ms, here) };
    choose(outwards(drawn, part_ms, length_ms));
  });
  canvas.addEventListener("pointerup", (event) => {
    const { x = 0, ms = 0 } = pressed ?? {};
    if (!pressed) return;
    pressed = null;
    if (Math.abs(event.clientX - x) > DRAG) return;
    const i = cuts.findIndex((one) => one.from_ms <= ms && ms < one.to_ms);
    const row = document.querySelector(`[data-cut="${about.cuts[i]?.[0]}"] button`);
    if (row instanceof HTMLElement) row.focus();
    play(ms, Infinity);
  });
  canvas.addEventListener("pointercancel", () => (pressed = null));

  // --- listening, also to what is cut out
  function play(from_ms: number, to_ms: number): void {
    stops_at = to_ms;
    audio.currentTime = from_ms / 1000;
    audio.play().catch(() => undefined);
  }
  listen.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    const now = passage ?? { from_ms: audio.currentTime * 1000, to_ms: Infinity };
    play(now.from_ms, now.to_ms);
  });
  audio.addEventListener("timeupdate", () => {
    if (audio.currentTime * 1000 >= stops_at) audio.pause();
    draw();
  });
  for (const what of ["play", "pause"])
    audio.addEventListener(what, () => say(listen, t(audio.paused ? "cutListen" : "cutStop")));

  // --- drawing
  function draw(): void {
    const now = passage ?? { from_ms: 0, to_ms: length_ms };
    for (const end of ["from_ms", "to_ms"] as const) {
      handles[end].style.insetInlineStart = `${(100 * now[end]) / length_ms}%`;
      set(handles[end], {
        "aria-valuenow": Math.round(now[end] / 1000),
        "aria-valuetext": writeClock(now[end]),
      });
    }
    const length = writeClock(now.to_ms - now.from_ms);
    say(
      told,
      passage
        ? chosen({ from: writeClock(now.from_ms), to: writeClock(now.to_ms), length })
        : t("cutNone"),
    );
    const sheet = paper(canvas);
    if (!sheet) return;
    const { ink, width, height } = sheet;
    const style = getComputedStyle(canvas);
    const colour = (name: string) => style.getPropertyValue(name);
    const x = (ms: number) => (ms / length_ms) * width;
    if (passage) {
      ink.fillStyle = colour("--tint");
      ink.fillRect(x(passage.from_ms), 0, x(passage.to_ms - passage.from_ms), height);
    }
    const count = Math.max(1, Math.floor(width / (COLUMN + GAP)));
    columns(about.peaks, count).forEach((peak, i) => {
      const left = i * (COLUMN + GAP);
      const ms = ((left + COLUMN / 2) / width) * length_ms;
      const gone = cuts.some((one) => one.from_ms <= ms && ms < one.to_ms);
      const taken = passage !== null && passage.from_ms <= ms && ms < passage.to_ms;
      const half = Math.max(1.5, (peak * (height - 8)) / 2);
      ink.fillStyle = colour(taken ? "--accent" : gone ? "--line" : "--edge");
      ink.beginPath();
      ink.roundRect(left, height / 2 - half, COLUMN, 2 * half, 1.5);
      ink.fill();
    });
    for (const one of cuts) hatch(ink, x(one.from_ms), x(one.to_ms), height, colour("--ink-2"));
    if (audio.currentTime > 0) {
      ink.fillStyle = colour("--ink");
      ink.fillRect(Math.round(x(audio.currentTime * 1000)) - 1, 0, 2, height);
    }
  }
  new ResizeObserver(draw).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  choose(typed(), false);
}

/** Slanted lines, and an edge at both sides. */
function hatch(
  ink: CanvasRenderingContext2D,
  left: number,
  right: number,
  height: number,
  colour: string,
): void {
  ink.save();
  ink.beginPath();
  ink.rect(left, 0, Math.max(2, right - left), height);
  ink.clip();
  ink.strokeStyle = colour;
  ink.lineWidth = 1;
  ink.beginPath();
  for (let x = left - height; x < right; x += 8) {
    ink.moveTo(x, height);
    ink.lineTo(x + height, 0);
  }
  ink.stroke();
  ink.fillStyle = colour;
  ink.fillRect(left, 0, 1, height);
  ink.fillRect(right - 1, 0, 1, height);
  ink.restore();
}
