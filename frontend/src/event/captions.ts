// Captions under the live player, for whoever wants them: only then they are asked for. The text is
// no live region: a screen reader would read over the voices. It can be gone to instead.

import { jittered } from "../backoff.ts";
import { h, say, set, show } from "../dom.ts";
import type { Context } from "./context.ts";
import type { Memory } from "./memory.ts";
import { type Caption, lookMs, readCaptions, shownAt } from "./said.ts";
import type { EventState } from "./state.ts";

const ASK_MS = 8_000;
/** Looks without an answer until it is said. */
const MISSED = 3;

export class Captions {
  readonly root: HTMLElement;
  private readonly context: Context;
  private readonly press: HTMLButtonElement;
  private readonly box: HTMLElement;
  private readonly lines = h("div", { class: "caption-lines" });
  private readonly note = h("p", { class: "caption-note soft" });
  private on: boolean;
  private captions: readonly Caption[] = [];
  private any = false;
  private missed = 0;
  private next_at = 0;
  private asking = false;
  private drawn = "";

  constructor(context: Context, memory: Memory) {
    const { t } = (this.context = context);
    this.on = memory.always("captions") === "on";
    this.press = h(
      "button",
      { type: "button", id: "captions", class: "button compact", "aria-controls": "caption-box" },
      t("captions"),
    );
    this.press.addEventListener("click", () => {
      this.on = !this.on;
      memory.keepAlways("captions", this.on ? "on" : null);
      this.next_at = 0;
    });
    this.box = h(
      "div",
      {
        id: "caption-box",
        class: "caption-box",
        role: "region",
        "aria-label": t("captions"),
        "aria-live": "off",
        tabindex: 0,
      },
      this.lines,
      this.note,
    );
    this.root = h("div", { class: "captions stack tight", hidden: true }, this.press, this.box);
  }

  /** `heard_ms`: wall time of what is heard; null without a seat. `back`: something else is heard. */
  update(state: EventState | null, heard_ms: number | null, back: boolean): void {
    const there = state?.captions === true && heard_ms !== null;
    show(this.root, there);
    if (!there) return;
    set(this.press, { "aria-pressed": String(this.on), "aria-expanded": String(this.on) });
    show(this.box, this.on);
    if (!this.on) return;
    if (!document.hidden && !back && !this.asking && performance.now() >= this.next_at)
      void this.look(lookMs(state.latency));
    this.draw(back ? [] : shownAt(this.captions, heard_ms), back);
  }

  private async look(every_ms: number): Promise<void> {
    this.asking = true;
    const { gate, event } = this.context.config;
    try {
      const signal = AbortSignal.timeout(ASK_MS);
      const answer = await fetch(`${gate}/live/${event}/r/captions.json`, { signal });
      const told = answer.ok ? readCaptions(await answer.json()) : null;
      if (!told) throw new Error(`captions ${answer.status}`);
      this.captions = told;
      this.missed = 0;
    } catch {
      this.missed += 1;
    } finally {
      this.asking = false;
      this.next_at = performance.now() + jittered(every_ms * (1 + this.missed), Math.random());
    }
  }

  private draw(shown: readonly Caption[], back: boolean): void {
    const { t } = this.context;
    this.any ||= shown.length > 0;
    const note = back
      ? t("captionsBack")
      : this.missed >= MISSED
        ? t("captionsLost")
        : this.any
          ? t("captionsMade")
          : t("captionsWait");
    say(this.note, note);
    const key = shown.map((one) => one.from_ms + one.text).join();
    if (key === this.drawn) return;
    this.drawn = key;
    this.lines.replaceChildren(...shown.map((one) => h("p", {}, one.text)));
  }
}
