// Words for scripts: phrases with {placeholders}, and plurals by the language's own rules.

export type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;
export type Phrases = Readonly<Record<string, string | Plural>>;
export type Values = Readonly<Record<string, string | number>>;
export type Lang = "en" | "gu" | "hi";

/** The page's language, or English when it is one that we do not have. */
export function asLang(lang: string | undefined): Lang {
  return lang === "gu" || lang === "hi" ? lang : "en";
}

/**
 * Fills `{name}` from `values`. A plural is chosen by `values.n`; numbers are written by
 * `write`. A missing value is a bug and throws.
 */
export function fill(
  phrase: string | Plural,
  lang: Lang,
  values: Values,
  write: (n: number) => string = String,
): string {
  let text: string;
  if (typeof phrase === "string") {
    text = phrase;
  } else {
    const n = values["n"];
    if (typeof n !== "number") throw new Error("a plural wants the number n");
    text = phrase[new Intl.PluralRules(lang).select(n)] ?? phrase.other;
  }
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for {${name}} in "${text}"`);
    return typeof value === "number" ? write(value) : value;
  });
}

/** A function that looks phrases up by key and fills them in. */
export function speaker<P extends Phrases>(
  phrases: P,
  lang: Lang,
  write: (n: number) => string,
): (key: keyof P & string, values?: Values) => string {
  return (key, values = {}) => fill(phrases[key] as string | Plural, lang, values, write);
}
