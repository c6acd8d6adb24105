// What comes with the recording when it has been worked on: waveform, chapters, transcript, clips,
// downloads. A module of its own: nobody who listens live fetches it.

import { h, icon, say, set, show } from "../dom.ts";
import { clock, writeSize } from "../format.ts";
import type { Context } from "../event/context.ts";
import { type About, current, readAbout, readClips, readTranscript } from "./about.ts";
import { Wave } from "./wave.ts";
import { Words } from "./words.ts";

export interface Player {
  readonly audio: HTMLAudioElement;
  length_s(): number;
  jump(to_s: number): void;
}

export interface More {
  /** Above the slider. */
  readonly wave: HTMLElement;
  readonly below: HTMLElement;
  /** For the side of the page; null without a transcript. */
  readonly beside: HTMLElement | null;
  update(): void;
}

const CLIP_MAX_MS = 120_000;

async function read(url: string): Promise<unknown> {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** Null while there is nothing more than the recording itself. */
export async function more(context: Context, player: Player, base: string): Promise<More | null> {
  const about = readAbout(await read(`${base}about.json`));
  if (!about) return null;
  const said = about.files.some((file) => file.name === "transcript.json");
  const [transcript, clips] = await Promise.all([
    said ? read(`${base}transcript.json`) : null,
    read(`${base}clips.json`),
  ]);
  return make(context, player, base, about, readTranscript(transcript), readClips(clips));
}

function make(
  context: Context,
  player: Player,
  base: string,
  about: About,
  lines: ReturnType<typeof readTranscript>,
  clips: ReturnType<typeof readClips>,
): More {
  const { t, locale, config } = context;
  const address = (at_ms: number) => {
    const url = new URL(location.href);
    url.hash = "";
    url.searchParams.set("t", String(Math.floor(at_ms / 1000)));
    return url.href;
  };
  const copy = async (text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  };

  // --- a passage, for a clip
  const passage = h("span", { class: "number" });
  const make = h("a", { class: "button compact", id: "make-clip" }, t("makeClip"));
  const chosen = h("p", { class: "row chosen", hidden: true }, passage, make);
  const choose = (from_ms: number, to_ms: number) => {
    const to = Math.min(to_ms, from_ms + CLIP_MAX_MS);
    say(passage, `${clock(from_ms / 1000)} – ${clock(to / 1000)}`);
    const exact = (ms: number) =>
      `${clock(ms / 1000)}.${String(Math.floor(ms % 1000)).padStart(3, "0")}`;
    const query = new URLSearchParams({ from: exact(from_ms), to: exact(to), lang: context.lang });
    set(make, { href: `${config.web}/events/${config.event}/clip?${query}` });
    show(chosen, true);
  };
  const wave = new Wave({
    seek: (share) => player.jump(share * player.length_s()),
    choose: (part) => {
      if (!part) return show(chosen, false);
      const length = player.length_s() * 1000;
      choose(part.from * length, Math.max(part.to * length, part.from * length + 1000));
    },
  });

  // --- chapters
  const starts = about.chapters.map((chapter) => chapter.at_ms);
  const buttons = about.chapters.map((chapter) => {
    const at = clock(chapter.at_ms / 1000);
    const one = h(
      "button",
      { type: "button", class: "chapter" },
      h("span", { class: "number soft" }, at),
      h("span", {}, chapter.title || t("chapterAt", { at })),
    );
    one.addEventListener("click", () => player.jump(chapter.at_ms / 1000));
    return one;
  });
  const chapters =
    buttons.length > 1
      ? h(
          "section",
          { class: "stack tight", "aria-labelledby": "chapters-title" },
          h("h2", { id: "chapters-title" }, t("chapters")),
          h("ol", { class: "chapters" }, ...buttons.map((one) => h("li", {}, one))),
        )
      : null;

  // --- share at this moment
  const moment = h("button", { type: "button", class: "button compact", id: "copy-moment" });
  let told_until = 0;
  moment.addEventListener("click", () => {
    void copy(address(player.audio.currentTime * 1000)).then((done) => {
      say(moment, done ? t("copied") : t("copyFailed"));
      told_until = Date.now() + 2_500;
    });
  });

  // --- what is said
  const words =
    lines.length > 0
      ? new Words(lines, t, {
          seek: (at_ms) => player.jump(at_ms / 1000),
          copy,
          address,
          clip: (from_ms, to_ms) => {
            choose(from_ms, Math.max(to_ms, from_ms + 1000));
            const length = player.length_s() * 1000;
            wave.pick({ from: from_ms / length, to: Math.max(to_ms, from_ms + 1000) / length });
            make.focus();
          },
        })
      : null;
  const caption = h("p", { class: "caption", hidden: words === null });

  // --- clips, files
  const clipList =
    clips.length > 0
      ? h(
          "section",
          { class: "stack tight", "aria-labelledby": "clips-title" },
          h("h2", { id: "clips-title" }, t("clips")),
          h(
            "ul",
            { class: "clips" },
            ...clips.map((clip) =>
              h(
                "li",
                {},
                h("a", { href: clip.url }, clip.title),
                h("span", { class: "number soft" }, clock(clip.length_ms / 1000)),
              ),
            ),
          ),
        )
      : null;
  const files = h(
    "section",
    { class: "stack tight", "aria-labelledby": "files-title" },
    h("h2", { id: "files-title" }, t("downloads")),
    h(
      "p",
      { class: "row files" },
      ...about.files
        .filter((file) => !file.name.endsWith(".json"))
        .map((file) =>
          h(
            "a",
            {
              class: "button compact",
              href: base + file.name,
              download: fileName(config.slug, file.name),
            },
            icon("download"),
            h("span", {}, `${kind(file.name)} ${writeSize(file.bytes, locale)}`),
          ),
        ),
    ),
  );

  const marks = () => {
    const length = player.length_s() * 1000;
    return length > 0 ? starts.map((at) => at / length) : [];
  };
  let marked = 0;
  return {
    wave: h("div", { class: "wave-place" }, wave.canvas),
    below: h(
      "div",
      { class: "stack wide" },
      h("div", { class: "row apart" }, caption, h("div", { class: "row" }, chosen, moment)),
      chapters,
      clipList,
      about.files.length > 0 ? files : null,
    ),
    beside: words?.root ?? null,
    update() {
      const { audio } = player;
      const length = player.length_s();
      if (length !== marked) {
        marked = length;
        wave.show(about.peaks, marks());
      }
      wave.at(length > 0 ? audio.currentTime / length : 0);
      const at_ms = audio.currentTime * 1000;
      const here = current(starts, at_ms);
      buttons.forEach((one, i) => set(one, { "aria-current": i === here ? "true" : null }));
      if (words) say(caption, words.at(at_ms));
      if (Date.now() > told_until) say(moment, t("copyMoment", { at: clock(audio.currentTime) }));
    },
  };
}

function kind(name: string): string {
  return (name.split(".").pop() ?? "").toUpperCase();
}

function fileName(slug: string, name: string): string {
  return name.startsWith("replay.") ? `${slug}.${name.slice(7)}` : `${slug}-${name}`;
}
