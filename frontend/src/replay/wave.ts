// The waveform: how far it is, where chapters begin; a press seeks, a drag chooses a passage. The
// slider beneath it is what keyboards and screen readers use, so this one is hidden from them.

import { h } from "../dom.ts";
import { columns } from "./about.ts";
import { paper } from "./paper.ts";

const COLUMN = 3;
const GAP = 2;
/** A drag shorter than this is a press. */
const DRAG = 6;

export interface WaveTold {
  seek(share: number): void;
  /** Shares of the whole; null: nothing is chosen. */
  choose(passage: { from: number; to: number } | null): void;
}

export class Wave {
  readonly canvas = h("canvas", { class: "wave", "aria-hidden": "true" });
  private peaks: readonly number[] = [];
  private marks: readonly number[] = [];
  private done = 0;
  private hover: number | null = null;
  private chosen: { from: number; to: number } | null = null;
  private pressed: number | null = null;
  private drawn = "";
  private readonly told: WaveTold;

  constructor(told: WaveTold) {
    this.told = told;
    const { canvas } = this;
    new ResizeObserver(() => this.draw()).observe(canvas);
    window
      .matchMedia("(prefers-color-scheme: dark)")
      .addEventListener("change", () => this.draw(true));
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.pressed = this.share(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      this.hover = this.share(event);
      if (this.pressed !== null && this.far(this.pressed, this.hover)) {
        this.pick({
          from: Math.min(this.pressed, this.hover),
          to: Math.max(this.pressed, this.hover),
        });
      }
      this.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      const at = this.share(event);
      if (this.pressed !== null && !this.far(this.pressed, at)) {
        this.pick(null);
        told.seek(at);
      }
      this.pressed = null;
    });
    canvas.addEventListener("pointercancel", () => (this.pressed = null));
    canvas.addEventListener("pointerleave", () => {
      this.hover = null;
      this.draw();
    });
  }

  show(peaks: readonly number[], marks: readonly number[]): void {
    this.peaks = peaks;
    this.marks = marks;
    this.draw(true);
  }

  at(done: number): void {
    this.done = done;
    this.draw();
  }

  pick(chosen: { from: number; to: number } | null): void {
    this.chosen = chosen;
    this.told.choose(chosen);
    this.draw();
  }

  private far(one: number, other: number): boolean {
    return Math.abs(one - other) * this.canvas.clientWidth > DRAG;
  }

  private share(event: PointerEvent): number {
    const box = this.canvas.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
  }

  private draw(anew = false): void {
    const { canvas, chosen } = this;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const face = [width, height, scale, Math.round(this.done * width), this.hover, chosen].join();
    const whole = `${face}${chosen?.from}${chosen?.to}`;
    if (width === 0 || (!anew && whole === this.drawn)) return;
    this.drawn = whole;
    const ink = paper(canvas)?.ink;
    if (!ink) return;
    const style = getComputedStyle(canvas);
    const played = style.getPropertyValue("--accent");
    const rest = style.getPropertyValue("--edge");
    if (chosen) {
      ink.fillStyle = style.getPropertyValue("--tint");
      ink.fillRect(chosen.from * width, 0, (chosen.to - chosen.from) * width, height);
    }
    const count = Math.max(1, Math.floor(width / (COLUMN + GAP)));
    const middle = height / 2;
    columns(this.peaks, count).forEach((peak, i) => {
      const x = i * (COLUMN + GAP);
      const half = Math.max(1.5, (peak * (height - 4)) / 2);
      ink.fillStyle = x / width < this.done ? played : rest;
      ink.globalAlpha = x / width < this.done ? 1 : 0.75;
      ink.beginPath();
      ink.roundRect(x, middle - half, COLUMN, 2 * half, 1.5);
      ink.fill();
    });
    ink.globalAlpha = 1;
    ink.fillStyle = style.getPropertyValue("--ink-2");
    for (const mark of this.marks) {
      if (mark > 0) ink.fillRect(Math.round(mark * width), height - 6, 2, 6);
    }
    if (this.hover !== null) {
      ink.globalAlpha = 0.5;
      ink.fillRect(Math.round(this.hover * width), 0, 1, height);
      ink.globalAlpha = 1;
    }
    if (this.done > 0) {
      ink.fillStyle = played;
      ink.fillRect(Math.round(this.done * width) - 1, 0, 2, height);
    }
  }
}
