// What every part of the event page works with.

import type { IconName } from "../dom.ts";
import { h, icon } from "../dom.ts";
import type { Lang, Phrases } from "../text.ts";
import { speaker } from "../text.ts";
import { common as commonEn, event as eventEn } from "../text/en.json";
import { common as commonGu, event as eventGu } from "../text/gu.json";
import { common as commonHi, event as eventHi } from "../text/hi.json";
import { localeFor, writeNumber } from "../format.ts";
import type { Model, Scene } from "./scene.ts";
import type { Voice } from "./state.ts";

export interface Config {
  readonly event: string;
  readonly slug: string;
  readonly lang: string;
  readonly gate: string;
  readonly web: string;
  readonly state: string;
  readonly door: string;
  readonly serving: string;
  /** How one comes in: first_come, shuffled, priority, invite. */
  readonly way: string;
  /** Effects of the plan's rungs, in order. */
  readonly ladder: readonly string[];
  /** Where a reminder, a member's pass is given; "" where neither helps. */
  readonly remind: string;
  readonly member: string;
  /** The script of the worker that does what the door may ask (proof.ts). */
  readonly worker: string;
  readonly starts_ms: number | null;
  readonly zone: string;
  readonly title: string;
  readonly speakers: readonly string[];
  /** What this conversation is called in calendars, also in those that the site makes. */
  readonly uid: string;
}

const words = {
  en: { ...commonEn, ...eventEn },
  gu: { ...commonGu, ...eventGu },
  hi: { ...commonHi, ...eventHi },
} satisfies Record<Lang, Phrases>;

export type Say = (
  key: keyof (typeof words)["en"] & string,
  values?: Readonly<Record<string, string | number>>,
) => string;

export interface Context {
  readonly config: Config;
  readonly lang: Lang;
  readonly locale: string;
  /** The reader's own zone. */
  readonly zone: string;
  readonly t: Say;
}

export function makeContext(config: Config, lang: Lang): Context {
  const locale = localeFor(lang, navigator.languages);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const t: Say = speaker(words[lang] as (typeof words)["en"], lang, (n) => writeNumber(n, locale));
  return { config, lang, locale, zone, t };
}

/** All that a panel may show, gathered once a tick. */
export interface View {
  readonly model: Model;
  readonly scene: Scene;
  /** Server time, Unix ms. */
  readonly now_ms: number;
  /** Who spoke at the moment that is heard now. */
  readonly voices: readonly Voice[];
  /** Mouth to ear in seconds, when known. */
  readonly latency_s: number | null;
  /** 0 to 1, of what is heard now; null when it cannot be measured. */
  readonly level: number | null;
}

export interface Panel {
  readonly root: HTMLElement;
  update(view: View): void;
}

export function button(name: IconName, text: string, classes = "button"): HTMLButtonElement {
  return h("button", { type: "button", class: classes }, icon(name), h("span", {}, text));
}
