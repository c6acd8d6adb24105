// The host's side of the studio: on air, a line for the listeners, links, the end.

import { h, say, set, show } from "../dom.ts";
import type { Context } from "./context.ts";
import { confirms } from "./dialog.ts";
import type { Room } from "./room.ts";

export interface HostActs {
  goLive(): Promise<void>;
  status(text: string): Promise<void>;
  mark(title: string): Promise<void>;
  end(): Promise<void>;
}

export class Host {
  readonly root: HTMLElement;
  private readonly live: HTMLButtonElement;
  private readonly liveBox: HTMLElement;
  private readonly text: HTMLInputElement;
  private readonly shown: HTMLElement;
  private readonly statusBox: HTMLElement;
  private readonly clear: HTMLButtonElement;
  private readonly markBox: HTMLElement;
  private readonly endBox: HTMLElement;
  private readonly context: Context;

  constructor(context: Context, acts: HostActs) {
    const { t, config } = context;
    this.context = context;
    this.live = h(
      "button",
      { type: "button", id: "go-live", class: "button main big" },
      t("goLive"),
    );
    this.liveBox = h(
      "section",
      { class: "stack tight" },
      this.live,
      h("p", { class: "help" }, t("goLiveText")),
    );
    this.live.addEventListener("click", () => void busy(this.live, acts.goLive()));

    this.text = h("input", { id: "status-text", maxlength: 280, autocomplete: "off" });
    this.shown = h("p", { class: "help", role: "status" });
    this.clear = h("button", { type: "button", class: "button compact quiet" }, t("statusClear"));
    const send = h("button", { type: "submit", class: "button compact" }, t("statusSend"));
    this.statusBox = h(
      "form",
      { class: "section stack tight" },
      h("label", { for: "status-text", class: "label" }, t("status")),
      this.text,
      h("p", { class: "help" }, t("statusHelp")),
      h("div", { class: "row" }, send, this.clear),
      this.shown,
    );
    this.statusBox.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.text.value.trim();
      if (text !== "")
        void busy(
          send,
          acts.status(text).then(() => this.empty()),
        );
    });
    this.clear.addEventListener("click", () => void busy(this.clear, acts.status("")));

    const title = h("input", { id: "mark-title", maxlength: 120, autocomplete: "off" });
    const mark = h("button", { type: "submit", id: "mark", class: "button compact" }, t("mark"));
    const marked = h("p", { class: "help", role: "status" });
    this.markBox = h(
      "form",
      { class: "section stack tight" },
      h("label", { for: "mark-title", class: "label" }, t("markTitle")),
      title,
      h("p", { class: "help" }, t("markHelp")),
      h("div", { class: "row" }, mark),
      marked,
    );
    this.markBox.addEventListener("submit", (event) => {
      event.preventDefault();
      const done = acts.mark(title.value.trim()).then(() => {
        title.value = "";
        say(marked, t("marked"));
        window.setTimeout(() => say(marked, ""), 4_000);
      });
      void busy(mark, done);
    });

    const copied = h("span", { class: "visually-hidden", role: "status" });
    const copy = h("button", { type: "button", class: "button compact" }, t("copy"));
    copy.addEventListener("click", () => {
      const back = (key: "copied" | "copyFailed") => {
        say(copy, t(key));
        say(copied, t(key));
        window.setTimeout(() => {
          say(copy, t("copy"));
          say(copied, "");
        }, 2_500);
      };
      const done = navigator.clipboard?.writeText(config.page);
      if (done) done.then(() => back("copied")).catch(() => back("copyFailed"));
      else back("copyFailed");
    });
    const links = h(
      "section",
      { class: "section stack tight" },
      h("h2", {}, t("links")),
      h("p", { class: "label" }, t("listenerLink")),
      h(
        "div",
        { class: "copy" },
        h("code", { id: "listener-link", tabindex: 0 }, config.page),
        copy,
        copied,
      ),
      config.manage
        ? h(
            "p",
            {},
            h("a", { href: config.manage, target: "_blank", rel: "noopener" }, t("manage")),
          )
        : null,
    );

    const end = h("button", { type: "button", id: "end", class: "button" }, t("end"));
    this.endBox = h("section", { class: "section" }, end);
    end.addEventListener("click", () => {
      void confirms(t("endAsk"), t("endText"), t("endYes"), t("endNo")).then(async (yes) => {
        if (!yes) return;
        say(end, t("ending"));
        await busy(end, acts.end());
        say(end, t("end"));
      });
    });
    this.root = h(
      "aside",
      { class: "host stack wide" },
      this.liveBox,
      this.statusBox,
      this.markBox,
      links,
      this.endBox,
    );
  }

  private empty(): void {
    this.text.value = "";
  }

  update(room: Room): void {
    const { t } = this.context;
    const { phase, status } = room.room;
    show(this.liveBox, phase === "off" && room.on_air === "host");
    show(this.statusBox, phase !== "ended");
    show(this.markBox, phase === "live");
    show(this.endBox, phase !== "ended");
    show(this.clear, status !== null && status.text !== "");
    say(this.shown, status && status.text !== "" ? t("statusNow", { text: status.text }) : "");
  }
}

async function busy(button: HTMLButtonElement, act: Promise<void>): Promise<void> {
  set(button, { disabled: true });
  try {
    await act;
  } finally {
    set(button, { disabled: null });
  }
}
