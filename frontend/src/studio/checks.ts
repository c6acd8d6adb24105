// Before going in: choose the microphone, see that it hears, hear oneself.

import { h, say, set, show } from "../dom.ts";
import type { Context } from "./context.ts";
import type { Microphone } from "./microphone.ts";

/** Heard within the last seconds, for a word about it. */
const REMEMBER_MS = 6_000;
const ECHO_MS = 4_000;

export class Checks {
  readonly root: HTMLElement;
  readonly choice = h("select", { id: "microphone" });
  private readonly music = h("input", { type: "checkbox", id: "music" });
  private readonly bar = h("div", { class: "level", "aria-hidden": "true" }, h("span", {}));
  private readonly word = h("p", { class: "level-word", role: "status" });
  private readonly trouble = h("p", { class: "error", role: "alert", hidden: true });
  private readonly try: HTMLButtonElement;
  private readonly record: HTMLButtonElement;
  private readonly open: HTMLElement;
  private readonly closed: HTMLElement;
  private readonly context: Context;
  private readonly microphone: Microphone;
  private readonly changed: () => void;
  private opened_at = 0;
  private good_at = 0;
  private loud_at = 0;
  private echoing = false;
  private starting: Promise<boolean> | null = null;

  constructor(context: Context, microphone: Microphone, changed: () => void) {
    const { t } = context;
    this.context = context;
    this.microphone = microphone;
    this.changed = changed;
    this.try = h("button", { type: "button", id: "mic-check", class: "button" }, t("micCheck"));
    this.record = h("button", { type: "button", id: "mic-record", class: "button" }, t("record"));
    this.closed = h("div", {}, this.try);
    this.open = h(
      "div",
      { class: "stack", hidden: true },
      h("div", { class: "field" }, h("label", { for: "microphone" }, t("micChoice")), this.choice),
      h(
        "div",
        { class: "stack tight" },
        h("p", { class: "kicker" }, t("micLevel")),
        this.bar,
        this.word,
      ),
      h("div", {}, this.record),
      h("p", { class: "soft" }, t("headphones")),
      h(
        "details",
        {},
        h("summary", {}, t("more")),
        h("label", { class: "check" }, this.music, h("span", {}, t("music"))),
        h("p", { class: "help" }, t("musicHelp")),
      ),
    );
    this.root = h("div", { class: "checks stack" }, this.trouble, this.closed, this.open);
    this.try.addEventListener("click", () => void this.start());
    this.choice.addEventListener("change", () => void this.start(this.choice.value));
    this.music.addEventListener("change", () => void this.start(this.choice.value));
    this.record.addEventListener("click", () => void this.echo());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
  }

  /** Opens the microphone, if it is not open yet. False when it cannot be had. */
  async ready(): Promise<boolean> {
    if (this.starting) return this.starting;
    if (this.microphone.track?.readyState === "live") return true;
    return this.start();
  }

  /** Opens this microphone, in place of one that is open; one after the other, never two. */
  async start(device = ""): Promise<boolean> {
    while (this.starting) await this.starting;
    this.starting = this.begin(device);
    try {
      return await this.starting;
    } finally {
      this.starting = null;
    }
  }

  private async begin(device: string): Promise<boolean> {
    const { t } = this.context;
    set(this.try, { disabled: true });
    say(this.word, t("micWaiting"));
    const trouble = await this.microphone.open(device, this.music.checked);
    set(this.try, { disabled: null });
    show(this.trouble, trouble !== null);
    if (trouble !== null) {
      const words = {
        denied: "micDenied",
        missing: "micMissing",
        busy: "micBusy",
        insecure: "micInsecure",
      } as const;
      say(this.trouble, t(words[trouble]));
      say(this.word, "");
      return false;
    }
    this.opened_at = Date.now();
    this.good_at = 0;
    show(this.closed, false);
    show(this.open, true);
    await this.list();
    this.changed();
    return true;
  }

  /** The device was unplugged. */
  lost(): void {
    say(this.trouble, this.context.t("micGone"));
    show(this.trouble, true);
    void this.list();
  }

  update(): void {
    const level = this.microphone.level();
    const { t } = this.context;
    this.bar.style.setProperty("--level", (level ?? 0).toFixed(3));
    if (level === null || this.echoing) return;
    const now = Date.now();
    if (level > 0.5) this.good_at = now;
    if (level > 0.97) this.loud_at = now;
    if (now - this.loud_at < 2_000) say(this.word, t("micLoud"));
    else if (now - this.good_at < REMEMBER_MS) say(this.word, t("micGood"));
    else if (now - this.opened_at > REMEMBER_MS) say(this.word, t("micSilent"));
    else say(this.word, "");
  }

  private async list(): Promise<void> {
    const { t } = this.context;
    const choices = await this.microphone.choices();
    const now = this.microphone.deviceId;
    this.choice.replaceChildren(
      ...choices.map((one, i) =>
        h(
          "option",
          { value: one.id, selected: one.id === now },
          one.label || t("micDefault", { n: i + 1 }),
        ),
      ),
    );
  }

  private async echo(): Promise<void> {
    const { t } = this.context;
    if (this.echoing) return;
    this.echoing = true;
    set(this.record, { disabled: true });
    try {
      await this.microphone.wake();
      await this.microphone.echo(
        ECHO_MS,
        (left) => say(this.word, t("recording", { n: left })),
        () => say(this.word, t("playingBack")),
      );
    } finally {
      this.echoing = false;
      set(this.record, { disabled: null });
    }
  }
}
