// What the host does from here besides the ladder: go live, a line for the listeners, the end.

import { h, say, set, show } from "../dom.ts";
import { confirms } from "../studio/dialog.ts";
import type { Room } from "../studio/room.ts";
import type { ConsoleContext } from "./context.ts";

export interface RoomActs {
  goLive(): Promise<boolean>;
  status(text: string): Promise<boolean>;
  end(): Promise<boolean>;
}

export class Acts {
  readonly root: HTMLElement;
  private readonly context: ConsoleContext;
  private readonly acts: RoomActs;
  private readonly live: HTMLButtonElement;
  private readonly end: HTMLButtonElement;
  private readonly form: HTMLElement;
  private readonly text = h("input", { id: "status-text", maxlength: 280, autocomplete: "off" });
  private readonly shown = h("p", { class: "status-shown", role: "status" });
  private readonly clear: HTMLButtonElement;

  constructor(context: ConsoleContext, acts: RoomActs) {
    const { t } = context.studio;
    this.context = context;
    this.acts = acts;
    this.live = h("button", { type: "button", id: "go-live", class: "button main" }, t("goLive"));
    this.live.addEventListener("click", () => void this.goLive());
    this.end = h("button", { type: "button", id: "end", class: "button" }, t("end"));
    this.end.addEventListener("click", () => void this.finish());
    this.clear = h("button", { type: "button", class: "button compact quiet" }, t("statusClear"));
    this.clear.addEventListener("click", () => void this.clearLine());
    this.form = h(
      "form",
      { class: "stack tight" },
      h("label", { for: "status-text", class: "label" }, t("status")),
      this.shown,
      this.text,
      h("p", { class: "help" }, context.t("statusHelp")),
      h(
        "div",
        { class: "row" },
        h("button", { type: "submit", class: "button compact main" }, t("statusSend")),
        this.clear,
      ),
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.showLine();
    });
    this.root = h(
      "section",
      { class: "acts stack wide" },
      this.form,
      h("div", { class: "row" }, this.live, this.end),
    );
  }

  private async showLine(): Promise<void> {
    const { t, studio } = this.context;
    const text = this.text.value.trim();
    if (text === "") {
      this.text.focus();
      return;
    }
    const yes = await confirms(
      t("statusAsk"),
      t("statusAskText", { text }),
      studio.t("statusSend"),
      studio.t("cancel"),
    );
    if (yes && (await this.acts.status(text))) this.text.value = "";
  }

  private async clearLine(): Promise<void> {
    const { t, studio } = this.context;
    const ask = confirms(
      t("clearAsk"),
      t("clearAskText"),
      studio.t("statusClear"),
      studio.t("cancel"),
    );
    if (await ask) await this.acts.status("");
  }

  private async goLive(): Promise<void> {
    const { t, studio } = this.context;
    const { live } = this;
    const ask = confirms(
      t("liveAsk"),
      studio.t("goLiveText"),
      studio.t("goLive"),
      studio.t("cancel"),
    );
    if (!(await ask)) return;
    set(live, { disabled: true });
    await this.acts.goLive();
    set(live, { disabled: null });
  }

  private async finish(): Promise<void> {
    const { t } = this.context.studio;
    if (!(await confirms(t("endAsk"), t("endText"), t("endYes"), t("endNo")))) return;
    set(this.end, { disabled: true });
    say(this.end, t("ending"));
    await this.acts.end();
    set(this.end, { disabled: null });
    say(this.end, t("end"));
  }

  update(room: Room): void {
    const { phase, status } = room.room;
    const line = status?.text ?? "";
    show(this.form, phase !== "ended");
    show(this.live, phase === "off" && room.on_air === "host");
    show(this.end, phase !== "ended");
    show(this.clear, line !== "");
    say(
      this.shown,
      line === ""
        ? this.context.t("statusNone")
        : this.context.studio.t("statusNow", { text: line }),
    );
  }
}
