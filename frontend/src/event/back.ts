// Going back while it is live: everything said so far, from the gate's own recording, in a player
// beside the live one; and the way to live again.

import { h, say, set, show } from "../dom.ts";
import { clock } from "../format.ts";
import type { Context } from "./context.ts";
import type { EventState } from "./state.ts";

export interface BackTold {
  /** The live player is not needed: it stops, and loads nothing. */
  left(): void;
  /** It is wanted again, unheard at first; `finish` is called when it plays. */
  returning(): void;
  /** What was gone back in is over. */
  over(): void;
}

/** So far back one goes at a press. */
const STEP_S = 30;
/** Nearer to live than this, live itself is the better player. */
const NEAR_S = 20;

export class Back {
  readonly root: HTMLElement;
  readonly audio = h("audio", { id: "back-audio", preload: "none" });
  private readonly context: Context;
  private readonly told: BackTold;
  private readonly go: HTMLButtonElement;
  private readonly seek: HTMLInputElement;
  private readonly where: HTMLElement;
  private readonly strip: HTMLElement;
  private destroy: (() => void) | null = null;
  private play = "";
  private whole_s = 0;
  private dragging = false;
  private turn = 0;
  /** On the way to live: what was said before is heard until live plays, so that nothing is silent. */
  private returns = false;

  constructor(context: Context, told: BackTold) {
    this.context = context;
    this.told = told;
    const { t } = context;
    this.go = h("button", { type: "button", id: "go-back", class: "button compact" }, t("goBack"));
    this.go.addEventListener("click", () => void this.start(this.whole_s - STEP_S));
    const back = h(
      "button",
      { type: "button", id: "return-live", class: "button compact main" },
      t("returnLive"),
    );
    back.addEventListener("click", () => this.toLive());
    this.seek = h("input", {
      type: "range",
      id: "back-seek",
      min: 0,
      max: 1,
      step: 1,
      value: 0,
      "aria-label": t("backSeek"),
    });
    this.where = h("span", { class: "number soft" });
    this.seek.addEventListener("input", () => {
      this.dragging = true;
      this.tell();
    });
    this.seek.addEventListener("change", () => {
      this.dragging = false;
      const to = Number(this.seek.value);
      if (this.whole_s - to < NEAR_S) this.toLive();
      else this.audio.currentTime = to;
    });
    this.audio.addEventListener("timeupdate", () => this.tell());
    this.strip = h(
      "div",
      { class: "back-strip stack tight", hidden: true },
      this.seek,
      h("div", { class: "row apart" }, this.where, back),
    );
    this.root = h("div", { class: "back", hidden: true }, this.go, this.strip);
  }

  get active(): boolean {
    return this.destroy !== null;
  }

  get returning(): boolean {
    return this.active && this.returns;
  }

  /** The one button for sound, while this is what is heard. */
  toggle(): void {
    if (this.audio.paused) this.audio.play().catch(() => undefined);
    else this.audio.pause();
  }

  /** `play`: the ticket's multivariant playlist, or null without a seat. */
  update(state: EventState | null, play: string | null, now_ms: number): void {
    const since = state?.live_since_ms ?? null;
    this.whole_s = since === null ? 0 : Math.max(0, (now_ms - since) / 1000);
    this.play = play ?? "";
    const may = state?.phase === "live" && state.back && play !== null && this.whole_s > 2 * NEAR_S;
    if (this.active && !may) {
      if (state?.phase === "live" && play !== null) this.toLive();
      else {
        this.finish();
        if (state?.phase !== "live") this.told.over();
      }
    }
    show(this.root, may || this.active);
    show(this.go, !this.active);
    show(this.strip, this.active);
    if (this.active) this.tell();
  }

  /** Seconds behind what is said now. */
  behind_s(): number {
    return Math.max(0, this.whole_s - this.audio.currentTime);
  }

  toLive(): void {
    if (!this.active || this.returns) return;
    this.returns = true;
    this.told.returning();
  }

  /** Live plays, or nothing does: this one is over. */
  finish(): void {
    this.turn++;
    this.returns = false;
    const { destroy } = this;
    this.destroy = null;
    destroy?.();
    this.audio.pause();
  }

  private async start(at_s: number): Promise<void> {
    const turn = ++this.turn;
    const from = Math.max(0, at_s);
    const url = this.play.replace(/master\.m3u8$/, "aac/back.m3u8");
    this.returns = false;
    this.destroy = () => undefined;
    this.told.left();
    if (typeof MediaSource === "undefined") {
      this.audio.src = url;
      this.audio.currentTime = from;
      this.destroy = () => this.audio.removeAttribute("src");
    } else {
      const { default: Player } = await import("./hls.ts");
      if (turn !== this.turn) return;
      const hls = new Player({ startPosition: from, enableWorker: false, lowLatencyMode: false });
      hls.on(Player.Events.ERROR, (_event, data) => {
        // The rung does not allow it any more, or the seat is gone: live knows what to do.
        if (data.fatal && turn === this.turn) this.toLive();
      });
      hls.loadSource(url);
      hls.attachMedia(this.audio);
      this.destroy = () => hls.destroy();
    }
    this.audio.play().catch(() => undefined);
    this.tell();
  }

  private tell(): void {
    const { t } = this.context;
    const here = this.dragging ? Number(this.seek.value) : this.audio.currentTime;
    this.seek.max = String(Math.max(1, Math.floor(this.whole_s)));
    if (!this.dragging) this.seek.value = String(Math.floor(here));
    const behind = t("backAt", { behind: clock(Math.max(0, this.whole_s - here)) });
    set(this.seek, { "aria-valuetext": `${clock(here)}, ${behind}` });
    this.seek.style.setProperty("--done", `${this.whole_s > 0 ? (100 * here) / this.whole_s : 0}%`);
    say(this.where, `${clock(here)} · ${behind}`);
  }
}
