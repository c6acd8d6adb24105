// What every part of the studio works with.

import { localeFor, writeNumber } from "../format.ts";
import type { Lang, Phrases } from "../text.ts";
import { speaker } from "../text.ts";
import { common as commonEn, studio as studioEn } from "../text/en.json";
import { common as commonGu, studio as studioGu } from "../text/gu.json";
import { common as commonHi, studio as studioHi } from "../text/hi.json";

export interface Config {
  readonly event: string;
  readonly lang: string;
  readonly stage: string;
  readonly gate: string;
  readonly page: string;
  readonly title: string;
  readonly manage?: string;
}

const words = {
  en: { ...commonEn, ...studioEn },
  gu: { ...commonGu, ...studioGu },
  hi: { ...commonHi, ...studioHi },
} satisfies Record<Lang, Phrases>;

export type Say = (
  key: keyof (typeof words)["en"] & string,
  values?: Readonly<Record<string, string | number>>,
) => string;

export interface Context {
  readonly config: Config;
  readonly lang: Lang;
  readonly locale: string;
  readonly t: Say;
}

export function makeContext(config: Config, lang: Lang): Context {
  const locale = localeFor(lang, navigator.languages);
  const t: Say = speaker(words[lang] as (typeof words)["en"], lang, (n) => writeNumber(n, locale));
  return { config, lang, locale, t };
}
