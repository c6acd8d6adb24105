// The honest counts (docs/counts.md), each by itself and with what it means.

import { h, say, show } from "../dom.ts";
import { writeNumber } from "../format.ts";
import type { Context } from "./context.ts";
import type { EventState } from "./state.ts";

export class Figures {
  readonly root: HTMLDetailsElement;
  private readonly rows: {
    readonly of: (state: EventState) => number | null;
    readonly name: HTMLElement;
    readonly value: HTMLElement;
  }[];
  private readonly rounded: HTMLElement;
  private readonly context: Context;

  constructor(context: Context) {
    const { t } = context;
    this.context = context;
    const row = (name: string, of: (state: EventState) => number | null) => ({
      of,
      name: h("dt", {}, name),
      value: h("dd", { class: "number" }),
    });
    this.rows = [
      row(t("countListening"), (state) => state.listening),
      row(t("countAdmitted"), (state) => state.admitted),
      row(t("countInLine"), (state) => state.counts.in_line),
      row(t("countRefused"), (state) => state.counts.refused),
      row(t("countPeak"), (state) => state.counts.peak),
      row(t("countJoined"), (state) => state.counts.joined),
    ];
    this.rounded = h("p", { class: "small soft", hidden: true }, t("figuresRounded"));
    this.root = h(
      "details",
      { id: "figures", class: "figures" },
      h("summary", {}, t("figures")),
      h("dl", { class: "facts" }, ...this.rows.flatMap(({ name, value }) => [name, value])),
      this.rounded,
    );
  }

  tell(state: EventState | null): void {
    show(this.root, state !== null);
    if (!state || !this.root.open) return;
    for (const { of, name, value } of this.rows) {
      const n = of(state);
      show(name, n !== null);
      show(value, n !== null);
      say(value, n === null ? "" : writeNumber(n, this.context.locale));
    }
    show(this.rounded, state.rung?.effects.includes("coarse") ?? false);
  }
}
