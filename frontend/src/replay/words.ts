// The transcript beside the player: follows what is heard, is searched, quoted to the second.

import { h, say, set, show } from "../dom.ts";
import { clock } from "../format.ts";
import type { Say } from "../event/context.ts";
import { captions, current, type Line, type Word } from "./about.ts";

export interface WordsTold {
  seek(at_ms: number): void;
  /** Puts a text on the clipboard; whether that was possible. */
  copy(text: string): Promise<boolean>;
  /** The address of a moment. */
  address(at_ms: number): string;
  clip(from_ms: number, to_ms: number): void;
}

export class Words {
  readonly root: HTMLElement;
  private readonly rows: HTMLElement[] = [];
  private readonly starts: readonly number[];
  private readonly said: readonly Word[];
  private readonly said_at: readonly number[];
  private now = -1;

  constructor(lines: readonly Line[], t: Say, told: WordsTold) {
    this.said = captions(lines);
    this.said_at = this.said.map((caption) => caption.from_ms);
    this.starts = lines.map((line) => line.from_ms);
    const search = h("input", {
      type: "search",
      id: "transcript-search",
      "aria-label": t("searchIn"),
    });
    search.placeholder = t("searchIn");
    const found = h("p", { class: "soft found", role: "status" });
    const list = h("ol", { class: "said-list", tabindex: 0, "aria-label": t("transcript") });
    let before = "";
    for (const line of lines) {
      const time = h(
        "button",
        {
          type: "button",
          class: "said-at number",
          "aria-label": t("playFrom", { at: clock(line.from_ms / 1000) }),
        },
        clock(line.from_ms / 1000),
      );
      time.addEventListener("click", () => told.seek(line.from_ms));
      const words = h("p", { class: "said-text" }, line.text);
      const quote = h("button", { type: "button", class: "plain said-act" }, t("quote"));
      quote.addEventListener("click", () => {
        const by = line.who ? ` — ${line.who}` : "";
        void told.copy(`“${line.text}”${by}\n${told.address(line.from_ms)}`).then((done) => {
          say(quote, done ? t("copied") : t("copyFailed"));
          window.setTimeout(() => say(quote, t("quote")), 2_500);
        });
      });
      const clip = h("button", { type: "button", class: "plain said-act" }, t("makeClip"));
      clip.addEventListener("click", () => told.clip(line.from_ms, line.to_ms));
      const row = h(
        "li",
        { class: "said", id: `said-${line.id}` },
        time,
        h(
          "div",
          {},
          line.who && line.who !== before ? h("p", { class: "said-who" }, line.who) : null,
          words,
          h("p", { class: "said-acts" }, quote, clip),
        ),
      );
      before = line.who;
      this.rows.push(row);
      list.append(row);
    }
    search.addEventListener("input", () => {
      const wanted = search.value.trim();
      let count = 0;
      this.rows.forEach((row, i) => {
        const words = row.querySelector<HTMLElement>(".said-text");
        const hit = words !== null && mark(words, lines[i]?.text ?? "", wanted);
        show(row, wanted === "" || hit);
        if (hit) count++;
      });
      say(found, wanted === "" ? "" : t("found", { n: count }));
    });
    this.root = h(
      "section",
      { class: "words stack tight", "aria-labelledby": "words-title" },
      h("h2", { id: "words-title" }, t("transcript")),
      search,
      found,
      list,
    );
  }

  /** What is said at this moment; "" when nothing is. */
  at(at_ms: number): string {
    const index = current(this.starts, at_ms);
    if (index !== this.now) {
      const was = this.rows[this.now];
      if (was) set(was, { "aria-current": null });
      this.now = index;
      const row = this.rows[index];
      if (row) {
        set(row, { "aria-current": "true" });
        this.reveal(row);
      }
    }
    const caption = this.said[current(this.said_at, at_ms)];
    return caption && at_ms < caption.to_ms + 1_000 ? caption.text : "";
  }

  private reveal(row: HTMLElement): void {
    const list = row.parentElement;
    // Who reads or searches in it is left alone.
    if (!list || list.matches(":hover, :focus-within")) return;
    const above = row.offsetTop - list.offsetTop - list.clientHeight / 3;
    list.scrollTo({ top: Math.max(0, above) });
  }
}

/** Marks where `wanted` stands; whether it does. */
function mark(element: HTMLElement, text: string, wanted: string): boolean {
  const at = wanted === "" ? -1 : text.toLocaleLowerCase().indexOf(wanted.toLocaleLowerCase());
  if (at < 0) {
    say(element, text);
    if (element.firstElementChild) element.replaceChildren(text);
    return false;
  }
  const end = at + wanted.length;
  element.replaceChildren(text.slice(0, at), h("mark", {}, text.slice(at, end)), text.slice(end));
  return true;
}
