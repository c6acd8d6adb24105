// The ladder as a ladder: one step a rung, the present one lit, its trigger and its buttons.

import { h, say, set, show } from "../dom.ts";
import { confirms } from "../studio/dialog.ts";
import type { LadderOrder } from "../studio/room.ts";
import { type ConsoleContext, listenersRead, timeOn } from "./context.ts";
import type { Standing } from "./gate.ts";
import { climbs, givesOf, nameOf, returns } from "./rungs.ts";

export type Order = (mode: LadderOrder["mode"], rung: number) => Promise<void>;

interface Step {
  readonly n: number;
  readonly name: string;
  readonly root: HTMLElement;
  readonly mark: HTMLElement;
  readonly force: HTMLButtonElement;
  readonly hold: HTMLButtonElement;
}

export class Ladder {
  readonly root: HTMLElement;
  private readonly context: ConsoleContext;
  private readonly order: Order;
  private readonly steps: readonly Step[];
  private readonly told = h("p", { class: "ladder-told", role: "status" });
  private readonly ordered = h("p", { class: "help", hidden: true });
  private readonly release: HTMLButtonElement;

  constructor(context: ConsoleContext, order: Order) {
    this.context = context;
    this.order = order;
    const { t, config } = context;
    this.steps = [
      this.step(0, t("nothing"), t("nothingText"), ""),
      ...config.ladder.map((rung, i) =>
        this.step(
          i + 1,
          nameOf(rung.effect, t),
          climbs(rung, context.locale, t),
          returns(rung, context.locale, t),
        ),
      ),
    ];
    this.release = h(
      "button",
      { type: "button", id: "release", class: "button main" },
      t("release"),
    );
    this.release.addEventListener("click", () => void this.ask("auto", 0));
    this.root = h(
      "section",
      { class: "ladder-box stack" },
      h("h2", {}, t("ladder")),
      this.told,
      this.ordered,
      h("div", {}, this.release),
      h("ol", { class: "ladder" }, ...this.steps.map((step) => step.root)),
    );
  }

  private step(n: number, name: string, trigger: string, back: string): Step {
    const { t } = this.context;
    const mark = h("span", { class: "rung-mark" });
    const force = h(
      "button",
      {
        type: "button",
        class: "button compact",
        id: `force-${n}`,
        "aria-label": t("forceName", { name }),
      },
      t("force"),
    );
    const hold = h(
      "button",
      { type: "button", class: "button compact", "aria-label": t("holdName", { name }) },
      t("hold"),
    );
    force.addEventListener("click", () => void this.ask("force", n));
    hold.addEventListener("click", () => void this.ask("hold", n));
    const root = h(
      "li",
      { class: "rung" },
      h("span", { class: "rung-n number", "aria-hidden": "true" }, String(n)),
      h("div", { class: "rung-head" }, h("strong", {}, name), mark),
      h("div", { class: "rung-tools" }, hold, force),
      h(
        "div",
        { class: "rung-triggers" },
        h("p", {}, trigger),
        back === "" ? null : h("p", {}, back),
      ),
    );
    return { n, name, root, mark, force, hold };
  }

  /** One question, which says what listeners will see; then the order. */
  private async ask(mode: LadderOrder["mode"], n: number): Promise<void> {
    const { t, config, lang, studio } = this.context;
    const name = this.steps[n]?.name ?? "";
    const rung = config.ladder[n - 1];
    const words = rung ? listenersRead(rung, lang) : "";
    const read = words === "" ? "" : t("theyRead", { text: words });
    const gives = rung ? givesOf(rung.effect, config.floor, t) : t("forceNothingText");
    const [title, text] =
      mode === "auto"
        ? [t("releaseAsk"), t("releaseText")]
        : mode === "hold"
          ? [t("holdAsk", { name }), t("holdText")]
          : [t("forceAsk", { name }), [gives, read, t("untilReleased")].filter(Boolean).join(" ")];
    const yes = mode === "auto" ? t("release") : mode === "hold" ? t("hold") : t("force");
    if (await confirms(title, text, yes, studio.t("cancel"))) await this.order(mode, n);
  }

  /** `may`: whether this one may give orders. */
  update(standing: Standing | null, order: LadderOrder | null, may: boolean): void {
    const { t } = this.context;
    const now = standing?.n ?? null;
    const given = order && order.mode !== "auto" ? order : null;
    const present = now === null ? undefined : this.steps[now];
    say(
      this.told,
      !standing
        ? t("rungUnknown")
        : standing.n === 0
          ? t("rungNone")
          : t("rungIs", { n: standing.n, name: present?.name ?? "" }),
    );
    show(this.ordered, given !== null);
    if (given) {
      const time = timeOn(this.context, given.at_ms);
      const name = this.steps[given.rung]?.name ?? String(given.rung);
      const values = { name, by: given.by, time };
      say(this.ordered, given.mode === "hold" ? t("heldBy", values) : t("forcedBy", values));
    }
    show(this.release, may && given !== null);
    for (const step of this.steps) {
      const lit = step.n === now;
      const under = now !== null && step.n > 0 && step.n < now;
      set(step.root, {
        "aria-current": lit ? "step" : null,
        "data-lit": lit,
        "data-under": under,
        "data-ordered": given !== null && given.rung === step.n,
      });
      say(step.mark, lit ? t("now") : under ? t("inForce") : "");
      // Where it stands one may hold it; to stand elsewhere it must be sent there.
      show(step.force, may && !lit && !(given?.mode === "force" && given.rung === step.n));
      show(step.hold, may && lit && given?.rung !== step.n);
    }
  }
}
