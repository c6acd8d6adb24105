// What every part of the console works with.

import { localeFor, writeNumber } from "../format.ts";
import { makeContext, type Config as StudioConfig, type Context } from "../studio/context.ts";
import { type Lang, type Phrases, speaker } from "../text.ts";
import { console as en, event as eventEn } from "../text/en.json";
import { console as gu, event as eventGu } from "../text/gu.json";
import { console as hi, event as eventHi } from "../text/hi.json";
import type { Rung } from "./rungs.ts";

export interface Config extends StudioConfig {
  readonly web: string;
  /** The host's key, for whoever is logged in as the host; else it may stand in the fragment. */
  readonly token?: string;
  /** Paths of this site. */
  readonly figures: string;
  readonly log: string;
  readonly incident: string;
  readonly ladder: readonly Rung[];
  /** Listeners that are kept when the ladder reduces them; 0: none were declared. */
  readonly floor: number;
}

export type Say = (
  key: keyof typeof en & string,
  values?: Readonly<Record<string, string | number>>,
) => string;

export interface ConsoleContext {
  readonly config: Config;
  readonly lang: Lang;
  readonly locale: string;
  readonly zone: string;
  /** The words of the room, which the studio has too. */
  readonly studio: Context;
  readonly t: Say;
}

export function makeConsole(config: Config, lang: Lang): ConsoleContext {
  const locale = localeFor(lang, navigator.languages);
  return {
    config,
    lang,
    locale,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
    studio: makeContext(config, lang),
    t: speaker({ en, gu, hi }[lang] as typeof en, lang, (n) => writeNumber(n, locale)),
  };
}

/** "20:14", or "20:14:05": what is read at a glance has one form in every language. */
export function timeOn(context: ConsoleContext, at_ms: number, seconds = false): string {
  return new Intl.DateTimeFormat(context.locale, {
    timeZone: context.zone,
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
    hourCycle: "h23",
  }).format(at_ms);
}

/** What a listener's page says on a rung: the host's own words, else the page's. */
export function listenersRead(rung: Rung, lang: Lang): string {
  const own = rung.says[lang] ?? "";
  if (own !== "") return own;
  const phrases: Phrases = { en: eventEn, gu: eventGu, hi: eventHi }[lang];
  const standard = phrases[`rung_${rung.effect}`];
  return typeof standard === "string" ? standard.replace("{time}", "…") : "";
}
