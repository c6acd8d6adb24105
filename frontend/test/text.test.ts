import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asLang, fill, type Phrases } from "../src/text.ts";
import * as en from "../src/text/en.json";
import * as gu from "../src/text/gu.json";
import * as hi from "../src/text/hi.json";

type Sections = Record<string, Phrases>;
const all: Record<string, Sections> = { en: sections(en), gu: sections(gu), hi: sections(hi) };

function sections(file: object): Sections {
  return Object.fromEntries(
    Object.entries(file).filter(([name]) => name !== "default"),
  ) as Sections;
}
const forms = (phrase: Phrases[string]) =>
  typeof phrase === "string" ? { other: phrase } : phrase;
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

for (const lang of ["gu", "hi"]) {
  test(`${lang} says everything that en says, with the same blanks`, () => {
    assert.deepEqual(Object.keys(all[lang]!), Object.keys(all["en"]!));
    for (const [section, phrases] of Object.entries(all["en"]!)) {
      const theirs = all[lang]![section]!;
      assert.deepEqual(Object.keys(theirs).sort(), Object.keys(phrases).sort(), section);
      for (const [key, phrase] of Object.entries(phrases)) {
        for (const text of Object.values(forms(theirs[key]!))) {
          assert.deepEqual(holes(text), holes(forms(phrase).other), `${section}.${key}`);
        }
      }
    }
  });

  test(`${lang} is translated, not copied`, () => {
    for (const [section, phrases] of Object.entries(all[lang]!)) {
      for (const [key, phrase] of Object.entries(phrases)) {
        const { other } = forms(phrase);
        if (!/[a-z]/i.test(forms(all["en"]![section]![key]!).other.replace(/\{\w+\}/g, "")))
          continue;
        assert.match(
          other,
          lang === "gu" ? /[\u0a80-\u0aff]/ : /[\u0900-\u097f]/,
          `${section}.${key}`,
        );
      }
    }
  });
}

test("plurals have the categories their language needs", () => {
  for (const [lang, file] of Object.entries(all)) {
    const wanted = new Intl.PluralRules(lang).resolvedOptions().pluralCategories;
    for (const phrases of Object.values(file)) {
      for (const [key, phrase] of Object.entries(phrases)) {
        if (typeof phrase !== "string")
          assert.deepEqual(Object.keys(phrase).sort(), [...wanted].sort(), `${lang} ${key}`);
      }
    }
  }
});

test("every phrase is used somewhere", () => {
  const code = sources("src")
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  for (const [section, phrases] of Object.entries(all["en"]!)) {
    for (const key of Object.keys(phrases)) {
      assert.match(code, new RegExp(`["'.]${key}\\b`), `${section}.${key}`);
    }
  }
});

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : path.endsWith(".ts") ? [path] : [];
  });
}

test("blanks are filled, plurals chosen, and a missing value is a bug", () => {
  assert.equal(
    fill("{a} and {b}", "en", { a: "x", b: 2 }, (n) => `#${n}`),
    "x and #2",
  );
  const plural = { one: "{n} day", other: "{n} days" };
  assert.equal(fill(plural, "en", { n: 1 }), "1 day");
  assert.equal(fill(plural, "en", { n: 0 }), "0 days");
  assert.equal(fill(plural, "hi", { n: 0 }), "0 day");
  assert.throws(() => fill("{a}", "en", {}), /no value/);
  assert.throws(() => fill(plural, "en", {}), /number n/);
  assert.equal(asLang("hi"), "hi");
  assert.equal(asLang("de"), "en");
});
