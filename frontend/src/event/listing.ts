// The page's own playlist: one list for as long as it plays, whatever rung the gate stands on.
// Pure.
//
// A player wants one list whose numbers go on (RFC 8216bis, 6.2.2). The gate has several: by
// parts, by segments, by long segments, of two codecs. So the page writes one from what it reads,
// and gives its own numbers where those of the gate no longer fit. docs/adr/0010 tells why.

/** One segment as it is listed: of the gate's segments `from` to before `to`. */
export interface Entry {
  readonly uri: string;
  readonly init: string;
  readonly duration_s: number;
  /** Unix ms of its first sample. */
  readonly at_ms: number;
  /** The encoder's run: EXT-X-DISCONTINUITY-SEQUENCE. */
  readonly run: number;
  readonly from: number;
  readonly to: number;
  /** Lines that tell of its parts. */
  readonly parts: readonly string[];
  /** It was told of and is not there (EXT-X-GAP). */
  readonly gap?: boolean;
}

/** A media playlist of the gate. */
export interface Told {
  readonly entries: readonly Entry[];
  /** Parts of the segment that is being made, and what follows them. */
  readonly open: readonly string[];
  readonly init: string;
  readonly blocks: boolean;
  readonly ended: boolean;
}

const MEDIA_UP = "../../m/";
export const PART_MS = 640;
export const SEGMENT_MS = 1_920;
export const PER_LONG = 3;
/** Two long segments as one object: told in lean.json only. */
export const PER_PAIR = 6;
/** So many segments one that is listed may hold. */
export type Most = 1 | typeof PER_LONG | typeof PER_PAIR;
const KEPT_S = 90;

/** null when it is no media playlist of a gate. `before`: the init of what it leaves out. */
export function readPlaylist(text: string, before: string): Told | null {
  if (!text.startsWith("#EXTM3U")) return null;
  const entries: Entry[] = [];
  let msn = 0;
  let run = 0;
  let init = before;
  let at_ms = 0;
  let duration_s = -1;
  let parts: string[] = [];
  const open: string[] = [];
  let blocks = false;
  let ended = false;
  for (const line of text.split("\n")) {
    const value = line.slice(line.indexOf(":") + 1);
    if (line === "") continue;
    if (!line.startsWith("#")) {
      if (duration_s < 0) return null;
      const uri = line.trim();
      entries.push({ uri, init, duration_s, at_ms, run, from: msn, to: msn + 1, parts });
      msn += 1;
      parts = [];
      duration_s = -1;
    } else if (line.startsWith("#EXTINF:")) duration_s = Number.parseFloat(value);
    else if (line.startsWith("#EXT-X-PART:")) parts.push(line);
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at_ms = Date.parse(value);
    else if (line.startsWith("#EXT-X-MAP:")) init = /URI="([^"]*)"/.exec(value)?.[1] ?? init;
    else if (line === "#EXT-X-DISCONTINUITY") run += 1;
    else if (line.startsWith("#EXT-X-MEDIA-SEQUENCE:")) msn = Number.parseInt(value, 10);
    else if (line.startsWith("#EXT-X-DISCONTINUITY-SEQUENCE:")) run = Number.parseInt(value, 10);
    else if (line.startsWith("#EXT-X-SKIP:"))
      msn += Number.parseInt(/SKIPPED-SEGMENTS=(\d+)/.exec(value)?.[1] ?? "0", 10);
    else if (line.startsWith("#EXT-X-SERVER-CONTROL:"))
      blocks = value.includes("CAN-BLOCK-RELOAD=YES");
    else if (line.startsWith("#EXT-X-PRELOAD-HINT:")) open.push(line);
    else if (line === "#EXT-X-ENDLIST") ended = true;
  }
  return { entries, open: [...parts, ...open], init, blocks, ended };
}

/** lean.json: what is to come has names already. `got_ms`: when it came (any steady clock). */
export interface Names {
  readonly run: number;
  readonly init: string;
  readonly at_ms: number;
  readonly ready: number;
  readonly parts: number;
  readonly first: number;
  readonly plain: readonly string[];
  readonly long_first: number;
  readonly long: readonly string[];
  readonly pair_first: number;
  readonly pair: readonly string[];
  readonly again_ms: number;
  readonly got_ms: number;
}

export function readNames(text: string, got_ms: number): Names | null {
  try {
    const raw = JSON.parse(text) as Record<string, unknown>;
    const [plain, long, pair] = [raw["plain"], raw["long"], raw["pair"]] as {
      first: number;
      names: string[];
    }[];
    const names: Names = {
      run: Number(raw["discontinuity"]),
      init: String(raw["init"]),
      at_ms: Number(raw["at_ms"]),
      ready: Number(raw["ready"]),
      parts: Number(raw["parts"]),
      first: Number(plain?.first),
      plain: plain?.names ?? [],
      long_first: Number(long?.first),
      long: long?.names ?? [],
      pair_first: Number(pair?.first),
      pair: pair?.names ?? [],
      again_ms: 1000 * Number(raw["again_s"]),
      got_ms,
    };
    return names.plain.length > 0 && Number.isFinite(names.first + names.ready + names.again_ms)
      ? names
      : null;
  } catch {
    return null;
  }
}

/**
 * The segment `next` by name, the longest of at most `most` that begins there, and when it is to be listed: once it is
 * whole, and later by `phase` (0 to 1) of its length, so that a crowd does not come at once.
 */
export function named(
  names: Names,
  next: number,
  most: Most,
  phase: number,
): { entry: Entry; due_ms: number } | null {
  const whole_ms = (msn: number) =>
    names.got_ms + (msn - names.first - names.ready + 1) * SEGMENT_MS - names.parts * PART_MS;
  const of = (name: string, count: number): { entry: Entry; due_ms: number } => ({
    entry: {
      uri: `${MEDIA_UP}${name}.m4s`,
      init: `${MEDIA_UP}${names.init}.mp4`,
      duration_s: (count * SEGMENT_MS) / 1000,
      at_ms: names.at_ms + (next - names.first) * SEGMENT_MS,
      run: names.run,
      from: next,
      to: next + count,
      parts: [],
    },
    due_ms: whole_ms(next + count - 1) + phase * count * SEGMENT_MS,
  });
  for (const [count, first, all] of [
    [PER_PAIR, names.pair_first, names.pair],
    [PER_LONG, names.long_first, names.long],
  ] as const) {
    const name = next % count === 0 ? all[next / count - first] : undefined;
    if (count <= most && name !== undefined) return of(name, count);
  }
  const name = names.plain[next - names.first];
  return name === undefined ? null : of(name, 1);
}

/** How a list is written. `open`: of a playlist with parts, what follows the last segment, and
 * its init. */
export interface Style {
  readonly blocks: boolean;
  readonly parts: boolean;
  readonly open: readonly string[];
  readonly init?: string;
  readonly ended: boolean;
}

export class Listing {
  private entries: Entry[] = [];
  private first_sn = 0;
  private run_before = 0;
  private target_s = 2;
  private resume = 0;
  /** Whether the gate's own playlist can be handed on as it is: all numbers are the gate's. */
  straight = true;

  /** The gate's number of the segment that comes next; null: nothing is listed. */
  get next(): number | null {
    const last = this.entries.at(-1);
    return last ? (last.gap ? this.resume : last.to) : null;
  }

  get init(): string {
    return this.entries.at(-1)?.init ?? "";
  }

  get length(): number {
    return this.entries.length;
  }

  /** What one of our numbers means at the gate. */
  gate_msn(sn: number): number {
    return sn - (this.first_sn + this.entries.length) + (this.next ?? sn);
  }

  /** Take what is new in a playlist. false: something is missing between, it cannot go on. */
  absorb(told: Told): boolean {
    for (const entry of told.entries) {
      const next = this.next;
      if (next !== null && entry.from > next) return false;
      if (next === null || entry.from === next) this.add(entry);
      else if (entry.parts.length > 0) this.partsOf(entry);
    }
    return true;
  }

  add(entry: Entry): void {
    const last = this.entries.at(-1);
    if (!last) {
      this.first_sn = entry.from;
      this.run_before = entry.run;
    }
    if (entry.to - entry.from > 1 || (last && last.run === entry.run && last.init !== entry.init))
      this.straight = false;
    this.entries.push(entry);
    this.target_s = Math.max(this.target_s, Math.ceil(entry.duration_s));
    let kept_s = 0;
    for (const one of this.entries) kept_s += one.duration_s;
    for (let old = this.entries[0]; old && kept_s > KEPT_S; old = this.entries[0]) {
      kept_s -= old.duration_s;
      this.run_before = old.run;
      this.first_sn += 1;
      this.entries.shift();
    }
  }

  /**
   * A segment that was listed is not there, nor are those after it: they stay listed as missing,
   * for a number always stands for the same segment, and what comes in their place follows.
   */
  lose(uri: string): void {
    const place = this.entries.findIndex((entry) => entry.uri === uri && !entry.gap);
    if (place < 0) return;
    this.resume = this.entries[place]?.from ?? 0;
    this.entries = this.entries.map((one, i) => (i < place ? one : { ...one, gap: true }));
    this.straight = false;
  }

  private partsOf(entry: Entry): void {
    const place = this.entries.findIndex((one) => one.uri === entry.uri);
    const known = this.entries[place];
    if (known && known.parts.length === 0) this.entries[place] = { ...known, parts: entry.parts };
  }

  text(style: Style): string {
    const back_s = 3 * this.target_s;
    const lines = [
      "#EXTM3U",
      "#EXT-X-VERSION:6",
      `#EXT-X-TARGETDURATION:${this.target_s}`,
      `#EXT-X-SERVER-CONTROL:${style.blocks ? "CAN-BLOCK-RELOAD=YES," : ""}` +
        `${style.parts ? `PART-HOLD-BACK=${(3 * PART_MS) / 1000},` : ""}HOLD-BACK=${back_s}`,
      ...(style.parts ? [`#EXT-X-PART-INF:PART-TARGET=${PART_MS / 1000}`] : []),
      `#EXT-X-MEDIA-SEQUENCE:${this.first_sn}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.run_before}`,
    ];
    let run = this.run_before;
    let init = "";
    for (const entry of this.entries) {
      for (; run < entry.run; run++) lines.push("#EXT-X-DISCONTINUITY");
      if (entry.init !== init) lines.push(`#EXT-X-MAP:URI="${entry.init}"`);
      init = entry.init;
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(entry.at_ms).toISOString()}`);
      if (style.parts) lines.push(...entry.parts);
      if (entry.gap) lines.push("#EXT-X-GAP");
      lines.push(`#EXTINF:${entry.duration_s},`, entry.uri);
    }
    if (style.init && style.init !== init && style.open.length > 0)
      lines.push(`#EXT-X-MAP:URI="${style.init}"`);
    lines.push(...style.open);
    if (style.ended) lines.push("#EXT-X-ENDLIST");
    return `${lines.join("\n")}\n`;
  }
}
