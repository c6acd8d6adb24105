// The big lamp: on air or not, since when, how many listen. Also in the tab's title.

import { h, say, set, show } from "../dom.ts";
import { clock } from "../format.ts";

export interface LampWords {
  readonly on: string;
  readonly off: string;
  readonly over: string;
}

export class Lamp {
  private readonly root: HTMLElement;
  private readonly word = h("strong", { class: "lamp-word", role: "status" });
  private readonly time = h("time", { class: "lamp-clock number", role: "timer" });
  private readonly count = h("span", { class: "lamp-count number" });
  private readonly words: LampWords;
  private readonly title = document.title;

  constructor(root: HTMLElement, words: LampWords) {
    this.root = root;
    this.words = words;
    root.replaceChildren(this.word, this.time, this.count);
  }

  update(
    phase: "off" | "live" | "ended",
    since_ms: number | null,
    until_ms: number,
    count: string,
  ): void {
    const { words } = this;
    set(this.root, { "data-phase": phase });
    say(this.word, phase === "live" ? words.on : phase === "ended" ? words.over : words.off);
    const shown = phase !== "off" && since_ms !== null;
    show(this.time, shown);
    if (shown) say(this.time, clock((until_ms - since_ms) / 1000));
    say(this.count, count);
    const title = phase === "live" ? `● ${words.on} · ${this.title}` : this.title;
    if (document.title !== title) document.title = title;
  }
}
