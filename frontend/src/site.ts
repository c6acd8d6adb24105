// Small comforts for pages that work without scripts: copying, times in the reader's zone.

import { cards } from "./cards.ts";
import "./site/posts.ts";
import { pushes } from "./push.ts";
import { localeFor, moment, sameClock } from "./format.ts";
import { asLang, fill } from "./text.ts";
import { common as en, site as siteEn } from "./text/en.json";
import { common as gu, site as siteGu } from "./text/gu.json";
import { common as hi, site as siteHi } from "./text/hi.json";

const lang = asLang(document.documentElement.lang);
const words = { en: { ...en, ...siteEn }, gu: { ...gu, ...siteGu }, hi: { ...hi, ...siteHi } }[
  lang
];
const locale = localeFor(lang, navigator.languages);
// Names that browsers still give to zones which have long had another one.
const RENAMED: Readonly<Record<string, string>> = {
  "Asia/Calcutta": "Asia/Kolkata",
  "Asia/Katmandu": "Asia/Kathmandu",
  "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh",
  "Europe/Kiev": "Europe/Kyiv",
};
const told = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const zone = RENAMED[told] ?? told;

// The next page comes with this reader's times in it, without a script's help.
document.cookie = `samvad_zone=${zone}; path=/; max-age=31536000; samesite=lax${
  location.protocol === "https:" ? "; secure" : ""
}`;
void pushes(words);
cards(words, lang, locale);

// The account's menu closes as menus do.
for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu")) {
  const close = () => (menu.open = false);
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target as Node)) close();
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      menu.querySelector("summary")?.focus();
    }
  });
}

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
  const before = button.textContent ?? "";
  let timer = 0;
  button.addEventListener("click", () => {
    const back = (said: string) => {
      button.textContent = said;
      button.setAttribute("aria-live", "polite");
      window.clearTimeout(timer);
      timer = window.setTimeout(() => (button.textContent = before), 2_500);
    };
    const copied = navigator.clipboard?.writeText(button.dataset["copy"] ?? "");
    if (copied) copied.then(() => back(words.copied)).catch(() => back(words.copyFailed));
    else back(words.copyFailed);
  });
}

for (const place of document.querySelectorAll<HTMLElement>("[data-cutter]")) {
  void import("./site/cutter.ts").then(({ cutter }) =>
    cutter(
      place,
      (key) => words[key],
      (values) => fill(words.cutChosen, lang, values),
    ),
  );
}

for (const time of document.querySelectorAll<HTMLTimeElement>(
  "time[data-zone], time[data-local]",
)) {
  const at = Date.parse(time.dateTime);
  const theirs = time.dataset["zone"] || "UTC";
  if (Number.isNaN(at)) continue;
  try {
    if (sameClock(at, theirs, zone)) continue;
  } catch {
    continue; // a zone this browser does not know
  }
  time.append(` (${moment(at, zone, locale)} ${words.there})`);
}

for (const field of document.querySelectorAll<HTMLInputElement | HTMLSelectElement>(
  "[data-zone]",
)) {
  if (field instanceof HTMLInputElement && field.value === "") field.value = zone;
  if (field instanceof HTMLSelectElement && field.dataset["zone"] === "") {
    if ([...field.options].some((option) => option.value === zone)) field.value = zone;
  }
}
