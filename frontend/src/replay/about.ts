// What is published of a recording: about.json, transcript.json, clips.json. Read with care: they
// may be another version's, or not be there.

export interface Chapter {
  readonly at_ms: number;
  readonly title: string;
}
export interface Download {
  readonly name: string;
  readonly bytes: number;
}
export interface About {
  readonly revision: number;
  readonly duration_ms: number;
  /** 0 to 255, evenly over the whole. */
  readonly peaks: readonly number[];
  readonly chapters: readonly Chapter[];
  readonly files: readonly Download[];
}
export interface Line {
  readonly id: number;
  readonly who: string;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly text: string;
  readonly words: readonly Word[];
}
export interface Word {
  readonly text: string;
  readonly from_ms: number;
  readonly to_ms: number;
}
export interface Clip {
  readonly title: string;
  readonly url: string;
  readonly from_ms: number;
  readonly length_ms: number;
}

type Raw = Record<string, unknown>;
const isRaw = (value: unknown): value is Raw => typeof value === "object" && value !== null;
const list = (value: unknown): Raw[] => (Array.isArray(value) ? value.filter(isRaw) : []);
const count = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;
const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function readAbout(raw: unknown): About | null {
  if (!isRaw(raw) || !Array.isArray(raw["peaks"])) return null;
  return {
    revision: count(raw["revision"]),
    duration_ms: count(raw["duration_ms"]),
    peaks: raw["peaks"].map(count),
    chapters: list(raw["chapters"]).map((c) => ({
      at_ms: count(c["at_ms"]),
      title: text(c["title"]),
    })),
    files: list(raw["files"]).map((f) => ({ name: text(f["name"]), bytes: count(f["bytes"]) })),
  };
}

export function readTranscript(raw: unknown): Line[] {
  if (!isRaw(raw)) return [];
  const names = isRaw(raw["speakers"]) ? raw["speakers"] : {};
  return list(raw["lines"]).map((line) => ({
    id: count(line["id"]),
    who: text(names[text(line["who"])]),
    from_ms: count(line["from_ms"]),
    to_ms: count(line["to_ms"]),
    text: text(line["text"]),
    words:
      typeof line["heard"] === "string" || !Array.isArray(line["words"])
        ? []
        : line["words"].filter(Array.isArray).map((w: unknown[]) => ({
            text: text(w[0]),
            from_ms: count(w[1]),
            to_ms: count(w[2]),
          })),
  }));
}

const CAPTION_LETTERS = 84;

/** Lines as captions: short, and in their time. What the host corrected has no times of its own. */
export function captions(lines: readonly Line[]): Word[] {
  const made: Word[] = [];
  for (const line of lines) {
    let now: Word | null = null;
    const words =
      line.words.length > 0
        ? line.words
        : [{ text: line.text, from_ms: line.from_ms, to_ms: line.to_ms }];
    for (const word of words) {
      if (now && now.text.length + 1 + word.text.length <= CAPTION_LETTERS) {
        now = { text: `${now.text} ${word.text}`, from_ms: now.from_ms, to_ms: word.to_ms };
        made[made.length - 1] = now;
      } else {
        now = word;
        made.push(now);
      }
    }
  }
  return made;
}

export function readClips(raw: unknown): Clip[] {
  if (!isRaw(raw)) return [];
  return list(raw["clips"])
    .map((clip) => ({
      title: text(clip["title"]),
      url: text(clip["url"]),
      from_ms: count(clip["from_ms"]),
      length_ms: count(clip["length_ms"]),
    }))
    .filter((clip) => /^https?:\/\//.test(clip.url));
}

/** Seconds of "90", "90s", "1m30s", "1h2m3s" or "1:02:03"; null for anything else. */
export function readTime(value: string | null): number | null {
  if (value === null) return null;
  const plain = /^(?:(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?)$/.exec(value);
  if (plain && value !== "")
    return Number(plain[1] ?? 0) * 3600 + Number(plain[2] ?? 0) * 60 + Number(plain[3] ?? 0);
  const clock = /^(?:(\d+):)?(\d{1,2}):(\d{2})$/.exec(value);
  return clock ? Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]) : null;
}

/** The one that holds `at_ms`: the last that begins at or before it; -1 for none. */
export function current(starts: readonly number[], at_ms: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** `count` peaks, 0 to 1, of those there are: the loudest in each column. */
export function columns(peaks: readonly number[], count: number): number[] {
  const top = Math.max(1, ...peaks);
  const made: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * peaks.length) / count);
    const to = Math.max(from + 1, Math.floor(((i + 1) * peaks.length) / count));
    made.push(Math.max(0, ...peaks.slice(from, to)) / top);
  }
  return made;
}
