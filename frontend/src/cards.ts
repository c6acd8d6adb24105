// Event cards on a page: the countdown ticks, and what is on air says so by itself. A card asks
// the gate only while it is seen, and only near its hour: the gate's answer is the same for all.

import { countdown } from "./countdown.ts";
import { say, show } from "./dom.ts";
import { fill, type Lang, type Plural } from "./text.ts";

export interface CardWords {
  readonly days: Plural;
  readonly listening: Plural;
  readonly anyMoment: string;
}

interface State {
  readonly state?: string;
  readonly counts?: { readonly listening?: number };
}

const NEAR_MS = 20 * 60_000;
const ASK_EVERY_MS = 15_000;
const FAR_EVERY_MS = 60_000;

export function cards(words: CardWords, lang: Lang, locale: string): void {
  const number = new Intl.NumberFormat(locale);
  const write = (n: number) => number.format(n);
  for (const place of document.querySelectorAll<HTMLElement>("[data-countdown]")) {
    tick(place, Date.parse(place.dataset["countdown"] ?? ""), words, lang, write);
  }
  if (!("IntersectionObserver" in window)) return;
  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      (target as HTMLElement).dataset["seen"] = isIntersecting ? "yes" : "";
    }
  });
  for (const card of document.querySelectorAll<HTMLElement>(".event-card[data-state]")) {
    watch.observe(card);
    follow(card, words, lang, write);
  }
}

function tick(
  place: HTMLElement,
  until_ms: number,
  words: CardWords,
  lang: Lang,
  write: (n: number) => string,
): void {
  if (Number.isNaN(until_ms)) return;
  const left = countdown(until_ms, Date.now());
  if (!left) return say(place, words.anyMoment);
  const days = left.days > 0 ? `${fill(words.days, lang, { n: left.days }, write)} ` : "";
  say(place, days + left.clock);
  window.setTimeout(() => tick(place, until_ms, words, lang, write), left.next_ms);
}

function follow(
  card: HTMLElement,
  words: CardWords,
  lang: Lang,
  write: (n: number) => string,
): void {
  const starts_ms = Date.parse(
    card.querySelector<HTMLElement>("[data-countdown]")?.dataset["countdown"] ?? "",
  );
  const near = () => card.dataset["phase"] !== "announced" || !(starts_ms - Date.now() > NEAR_MS);
  const look = async () => {
    let wait_ms = FAR_EVERY_MS;
    if (near() && card.dataset["seen"] && !document.hidden) {
      wait_ms = ASK_EVERY_MS;
      try {
        const answer = await fetch(card.dataset["state"] ?? "", { credentials: "omit" });
        if (answer.ok) tell(card, (await answer.json()) as State, words, lang, write);
      } catch {
        wait_ms = FAR_EVERY_MS; // the gate is away: the card stays as the site made it
      }
    }
    if (card.dataset["phase"] === "ended" || card.dataset["phase"] === "cancelled") return;
    // Spread, so that a timeline that many have open is no pulse at the gate.
    window.setTimeout(look, wait_ms * (0.75 + Math.random() / 2));
  };
  window.setTimeout(look, 200 + Math.random() * 1_500);
}

function tell(
  card: HTMLElement,
  state: State,
  words: CardWords,
  lang: Lang,
  write: (n: number) => string,
): void {
  if (!state.state) return;
  card.dataset["phase"] = state.state;
  const live = state.state === "live";
  const lamp = card.querySelector<HTMLElement>("[data-lamp]");
  const pill = card.querySelector<HTMLElement>("[data-pill]");
  const count = card.querySelector<HTMLElement>("[data-count]");
  const clock = card.querySelector<HTMLElement>("[data-countdown]");
  if (lamp) show(lamp, live);
  if (pill && live) show(pill, false);
  if (clock && live) show(clock, false);
  const n = state.counts?.listening;
  if (count && live && n !== undefined) {
    say(count, fill(words.listening, lang, { n }, write));
  }
}
