// A rung in words: what it gives up, what climbs it, what leads back. Pure.

import type { Say } from "./context.ts";

export interface Rung {
  readonly effect: string;
  readonly over: Readonly<Record<string, number>>;
  readonly under: Readonly<Record<string, number>>;
  readonly after_s: number;
  readonly back_after_s: number;
  readonly says: Readonly<Record<string, string>>;
}

const NAMES = {
  plain: "namePlain",
  long: "nameLong",
  lean_new: "nameLeanNew",
  lean_all: "nameLeanAll",
  coarse: "nameCoarse",
  closed: "nameClosed",
  floor: "nameFloor",
  later: "nameLater",
} as const;

const GIVES = {
  plain: "givesPlain",
  long: "givesLong",
  lean_new: "givesLeanNew",
  lean_all: "givesLeanAll",
  coarse: "givesCoarse",
  closed: "givesClosed",
  floor: "givesFloor",
  later: "givesLater",
} as const;

const known = (effect: string): effect is keyof typeof NAMES => Object.hasOwn(NAMES, effect);

/** A newer plan may have an effect this page does not know: its bare name, then. */
export function nameOf(effect: string, t: Say): string {
  return known(effect) ? t(NAMES[effect]) : effect;
}

/** What listeners notice of it. `floor`: how many are kept, 0 when the plan does not say. */
export function givesOf(effect: string, floor: number, t: Say): string {
  if (!known(effect)) return "";
  if (effect === "floor" && floor === 0) return t("givesFloorNone");
  return t(GIVES[effect], { n: floor });
}

function metric(name: string, threshold: number, below: boolean, t: Say): string {
  const share = Math.round(threshold * 1000) / 10;
  switch (name) {
    case "seats":
      return t("metricSeats", { x: share });
    case "cpu":
      return t("metricCpu", { x: share });
    case "mbit":
      return t("metricMbit", { x: threshold });
    case "p99_ms":
      return t("metricP99", { x: threshold });
    case "attack":
      return below ? t("metricNoAttack") : t("metricAttack");
    default:
      return `${name} ${threshold}`;
  }
}

function list(texts: readonly string[], type: "conjunction" | "disjunction", locale: string) {
  return new Intl.ListFormat(locale, { style: "long", type }).format(texts);
}

/** "Climbed at CPU 60 % or p99 250 ms, for 5 s." */
export function climbs(rung: Rung, locale: string, t: Say): string {
  const over = Object.entries(rung.over).map(([name, x]) => metric(name, x, false, t));
  if (over.length === 0) return t("byOrder");
  return t("climbed", { what: list(over, "disjunction", locale), s: rung.after_s });
}

/** "Left below CPU 40 % and p99 125 ms, after 60 s."; "" when only an order leads back. */
export function returns(rung: Rung, locale: string, t: Say): string {
  const under = Object.entries(rung.under).map(([name, x]) => metric(name, x, true, t));
  if (under.length === 0) return "";
  return t("left", { what: list(under, "conjunction", locale), s: rung.back_after_s });
}
