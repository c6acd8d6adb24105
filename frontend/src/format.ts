// Numbers and times as the page's readers write them. Pure: locale and zone are arguments.
//
// Digits are Western (0-9) in all three languages: CLDR gives `latn` as the default for gu and
// hi, newspapers, phones and banks of both use them, and a countdown is read at a glance.
// Grouping follows the language: 1,12,480 in Gujarati and Hindi.

import type { Lang } from "./text.ts";

/**
 * The locale to format by. The reader's own variant (en-GB, en-IN) counts where it is the
 * page's language; otherwise the language as it is spoken where most of its readers are.
 */
export function localeFor(lang: Lang, readers: readonly string[]): string {
  const own = readers.find((tag) => tag.toLowerCase().split("-")[0] === lang);
  const tag = own ?? (lang === "en" ? "en" : `${lang}-IN`);
  try {
    return new Intl.Locale(tag, { numberingSystem: "latn" }).toString();
  } catch {
    return `${lang}-u-nu-latn`;
  }
}

export function writeNumber(n: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(n);
}

/** Bytes as "41 MB"; one decimal below 10. */
export function writeSize(bytes: number, locale: string): string {
  const unit = bytes >= 1e9 ? "gigabyte" : bytes >= 1e6 ? "megabyte" : "kilobyte";
  const value = bytes / { gigabyte: 1e9, megabyte: 1e6, kilobyte: 1e3 }[unit];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

/** Seconds as a running clock: 0:07, 12:30, 1:32:07. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600);
  const m = Math.floor(whole / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
}

/** "Tue 13 Aug, 5:30 am", in `zone`. */
export function moment(at: number, zone: string, locale: string): string {
  const day = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    weekday: "short",
    day: "numeric",
    month: "short",
  }).format(at);
  return `${day}, ${timeOfDay(at, zone, locale)}`;
}

/**
 * "5:30 am" or "05:30", in `zone`. Gujarati and Hindi say the part of the day first, and in
 * words: "સવારે 5:30", "शाम 7:00".
 */
export function timeOfDay(at: number, zone: string, locale: string): string {
  const inWords = /^(gu|hi)\b/.test(locale);
  const clock = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    hour: hourOf(locale),
    minute: "2-digit",
    ...(inWords ? { dayPeriod: "short", hour12: true } : {}),
  });
  if (!inWords) return tidy(clock.format(at));
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    clock.formatToParts(at).find((one) => one.type === type)?.value ?? "";
  return `${part("dayPeriod")} ${part("hour")}:${part("minute")}`.trim();
}

/** 06:30 where the clock has 24 hours, 6:30 am where it has twelve. */
function hourOf(locale: string): "2-digit" | "numeric" {
  const cycle = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hourCycle;
  return cycle === "h23" || cycle === "h24" ? "2-digit" : "numeric";
}

/** "8:00 pm Eastern Time, Mon": the weekday only when it is another than in `reader`. */
export function elsewhere(at: number, zone: string, reader: string, locale: string): string {
  const day = (where: string) =>
    new Intl.DateTimeFormat(locale, { timeZone: where, weekday: "short" }).format(at);
  const time = `${timeOfDay(at, zone, locale)} ${zoneName(at, zone, locale)}`;
  return day(zone) === day(reader) ? time : `${time}, ${day(zone)}`;
}

/** What people call the zone: "Eastern Time", "India Standard Time"; else its offset. */
export function zoneName(at: number, zone: string, locale: string): string {
  for (const style of ["longGeneric", "shortOffset"] as const) {
    const name = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: style })
      .formatToParts(at)
      .find((part) => part.type === "timeZoneName")?.value;
    if (name) return name;
  }
  return zone;
}

/** Whether a clock in both zones shows the same at that moment. */
export function sameClock(at: number, one: string, other: string): boolean {
  const wall = (zone: string) =>
    new Intl.DateTimeFormat("en", {
      timeZone: zone,
      dateStyle: "short",
      timeStyle: "long",
      hourCycle: "h23",
    })
      .format(at)
      .replace(/ \S+$/, "");
  return wall(one) === wall(other);
}

/** A zone that Intl knows, else UTC. */
export function knownZone(zone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}

/** "Asha and Ravi", "Asha, Ravi and Meera". */
export function names(list: readonly string[], locale: string): string {
  return new Intl.ListFormat(locale, { style: "long", type: "conjunction" }).format(list);
}

// Narrow no-break spaces are missing from some fonts; capitals in "AM" shout.
function tidy(text: string): string {
  return text.replace(/[\u202f\u2009]/g, "\u00a0").replace(/\b([AP])M\b/, (m) => m.toLowerCase());
}
