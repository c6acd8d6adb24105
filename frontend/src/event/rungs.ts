// The ladder in words: what is given up just now, and what would be next. The choice is pure.

import { h, say, show } from "../dom.ts";
import { timeOfDay } from "../format.ts";
import type { Context, Say } from "./context.ts";
import { type Effect, EFFECTS, type Rung } from "./state.ts";

type Key = Parameters<Say>[0];

const NOW: Readonly<Record<Effect, Key>> = {
  plain: "rung_plain",
  long: "rung_long",
  lean_new: "rung_lean_new",
  lean_all: "rung_lean_all",
  coarse: "rung_coarse",
  closed: "rung_closed",
  floor: "rung_floor",
  later: "rung_later",
};

const NEXT: Readonly<Record<Effect, Key>> = {
  plain: "rung_plain_next",
  long: "rung_long_next",
  lean_new: "rung_lean_new_next",
  lean_all: "rung_lean_all_next",
  coarse: "rung_coarse_next",
  closed: "rung_closed_next",
  floor: "rung_floor_next",
  later: "rung_later_next",
};

/** What would be given up next, in order: the plan's rungs beyond the one that is stood on. */
export function beyond(ladder: readonly string[], rung: Rung | null): Effect[] {
  const now = rung ? Math.max(...rung.effects.map((one) => EFFECTS.indexOf(one))) : -1;
  return EFFECTS.filter((effect, at) => at > now && ladder.includes(effect));
}

/** What is told at a rung: the host's own words in this language, else the standard ones. */
export function told(
  rung: Rung,
  lang: string,
  promise_ms: number | null,
): { readonly own: string } | { readonly key: Key; readonly promise_ms: number | null } {
  const own = rung.says[lang];
  if (own) return { own };
  const newest = rung.effects[rung.effects.length - 1];
  if (!newest) return { own: "" };
  if (newest === "later" && promise_ms === null) return { key: "rung_later_next", promise_ms };
  return { key: NOW[newest], promise_ms };
}

/** The notice on every scene but the last ones. It is announced politely when it changes. */
export class RungNotice {
  readonly root: HTMLElement;
  private readonly words = h("p");
  private readonly context: Context;

  constructor(context: Context) {
    this.context = context;
    this.root = h(
      "div",
      { id: "rung", class: "rung", role: "status", hidden: true },
      h("p", { class: "kicker" }, context.t("rungNow")),
      this.words,
    );
  }

  tell(rung: Rung | null, promise_ms: number | null): void {
    show(this.root, rung !== null);
    if (!rung) return;
    const { lang, t, zone, locale } = this.context;
    const what = told(rung, lang, promise_ms);
    if ("own" in what) say(this.words, what.own);
    else {
      const at = what.promise_ms;
      say(this.words, t(what.key, { time: at === null ? "" : timeOfDay(at, zone, locale) }));
    }
  }
}

/** What comes next, from rung to rung, for those who wait. */
export class Comes {
  readonly root: HTMLDetailsElement;
  private readonly list = h("ol", { class: "comes" });
  private readonly context: Context;
  private shown = "";

  constructor(context: Context) {
    this.context = context;
    this.root = h(
      "details",
      { class: "comes-box" },
      h("summary", {}, context.t("comes")),
      this.list,
    );
  }

  tell(rung: Rung | null): void {
    const effects = beyond(this.context.config.ladder, rung);
    show(this.root, effects.length > 0);
    if (this.shown === effects.join()) return;
    this.shown = effects.join();
    this.list.replaceChildren(
      ...effects.map((effect) => h("li", {}, this.context.t(NEXT[effect]))),
      h("li", {}, this.context.t("comesNever")),
    );
  }
}
