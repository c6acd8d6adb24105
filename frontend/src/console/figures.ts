// The gates' figures as the site hands them through, and what is to be said about them. Pure.

export const FIGURES = [
  "listening",
  "admitted",
  "in_line",
  "joins_per_s",
  "refusals_per_s",
  "requests_per_s",
  "mbit",
  "p99_ms",
  "cpu",
  "cpu_sum",
  "rung",
  "attack",
] as const;
export type FigureName = (typeof FIGURES)[number];
export type Value = number | null;
export type Columns = Readonly<Record<FigureName, readonly Value[]>>;

export interface Told {
  readonly now_ms: number;
  readonly alive: number;
  readonly of: number;
  /** Addresses of gate machines that did not answer. */
  readonly silent: readonly string[];
  readonly at_ms: readonly number[];
  readonly columns: Columns;
}

export const KEPT_MS = 15 * 60_000;
/** Rows further apart than this are not joined by a line. */
export const GAP_MS = 5_000;

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
const number = (value: unknown): Value =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

/** null when it is nothing this page can use; a figure that is missing is unknown throughout. */
export function readFigures(value: unknown): Told | null {
  const raw = object(value);
  const at_ms = raw["at_ms"];
  const now_ms = number(raw["now_ms"]);
  if (!Array.isArray(at_ms) || now_ms === null) return null;
  const times = at_ms.map(number);
  if (times.some((at) => at === null)) return null;
  const given = object(raw["figures"]);
  const gates = object(raw["gates"]);
  const silent = Array.isArray(raw["silent"]) ? (raw["silent"] as unknown[]) : [];
  const columns = Object.fromEntries(
    FIGURES.map((name) => {
      const column = Array.isArray(given[name]) ? (given[name] as unknown[]) : [];
      return [name, times.map((_, row) => number(column[row]))];
    }),
  ) as unknown as Columns;
  return {
    now_ms,
    alive: number(gates["alive"]) ?? 0,
    of: number(gates["of"]) ?? 0,
    silent: silent.map(String),
    at_ms: times as number[],
    columns,
  };
}

/** The last quarter of an hour, as it comes in. */
export class Rows {
  readonly at_ms: number[] = [];
  readonly columns = Object.fromEntries(FIGURES.map((name) => [name, [] as Value[]])) as Record<
    FigureName,
    Value[]
  >;
  /** From when on to ask for more. */
  last_ms = 0;

  add(told: Told): void {
    told.at_ms.forEach((at, row) => {
      if (at <= this.last_ms) return;
      if (this.last_ms > 0 && at - this.last_ms > GAP_MS) this.push(this.last_ms + 1_000, null, 0);
      this.push(at, told.columns, row);
    });
    const first = this.at_ms.findIndex((at) => at > this.last_ms - KEPT_MS);
    if (first > 0) {
      this.at_ms.splice(0, first);
      for (const name of FIGURES) this.columns[name].splice(0, first);
    }
  }

  private push(at: number, columns: Columns | null, row: number): void {
    this.at_ms.push(at);
    this.last_ms = at;
    for (const name of FIGURES) this.columns[name].push(columns?.[name][row] ?? null);
  }

  now(name: FigureName): Value {
    return this.columns[name].at(-1) ?? null;
  }
}

export interface Shade {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly value: number;
}

/** When a figure was above nought, and how high: rungs, attacks. */
export function shades(at_ms: readonly number[], column: readonly Value[]): Shade[] {
  const found: Shade[] = [];
  at_ms.forEach((at, row) => {
    const value = column[row] ?? 0;
    const last = found.at(-1);
    const joins = last !== undefined && last.value === value && last.to_ms === at;
    const to = Math.min(at_ms[row + 1] ?? at + 1_000, at + GAP_MS);
    if (value <= 0) return;
    if (joins) found[found.length - 1] = { ...last, to_ms: to };
    else found.push({ from_ms: at, to_ms: to, value });
  });
  return found;
}

export interface Summary {
  readonly now: Value;
  readonly most: number;
  readonly most_ms: number;
  readonly least: number;
}

/** null when nothing is known. */
export function summary(at_ms: readonly number[], column: readonly Value[]): Summary | null {
  let found: Summary | null = null;
  at_ms.forEach((at, row) => {
    const value = column[row] ?? null;
    if (value === null) return;
    if (!found) found = { now: value, most: value, most_ms: at, least: value };
    else
      found = {
        now: value,
        most: Math.max(found.most, value),
        most_ms: value > found.most ? at : found.most_ms,
        least: Math.min(found.least, value),
      };
  });
  return found;
}

const LEAST_MS = 3 * 60_000;

/** Where the time axis begins: with the first row, 3 to 15 minutes ago. */
export function reach(first_ms: number | null, now_ms: number): number {
  const since = first_ms ?? now_ms - KEPT_MS;
  return Math.max(now_ms - KEPT_MS, Math.min(since, now_ms - LEAST_MS));
}

/** The top of an axis: 1, 2 or 5 times a power of ten, above what is shown. */
export function top(most: number, least_top: number): number {
  if (most <= least_top) return least_top;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((one) => one * power >= most) ?? 10;
  return step * power;
}
