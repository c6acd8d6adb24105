// A passage of a recording that is to be cut out: times, and the parts it lies on. Pure.

export interface Passage {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Outwards to whole parts, as the site cuts, and not beyond the recording. */
export function outwards(one: Passage, part_ms: number, length_ms: number): Passage {
  const from_ms = Math.max(0, Math.floor(one.from_ms / part_ms) * part_ms);
  const to_ms = Math.min(length_ms, Math.ceil(one.to_ms / part_ms) * part_ms);
  return { from_ms: Math.min(from_ms, to_ms), to_ms };
}

/** A handle moved by so many parts; the two never meet, and none leaves the recording. */
export function moved(
  one: Passage,
  end: keyof Passage,
  parts: number,
  part_ms: number,
  length_ms: number,
): Passage {
  const whole = Math.ceil(length_ms / part_ms) * part_ms;
  const to = Math.round(one[end] / part_ms) * part_ms + parts * part_ms;
  const [least, most] = end === "from_ms" ? [0, one.to_ms - 1] : [one.from_ms + 1, whole];
  const bound = Math.min(Math.max(to, Math.ceil(least / part_ms) * part_ms), most);
  return outwards({ ...one, [end]: bound }, part_ms, length_ms);
}

/** "1:02:03.5" in ms; null for what is no time. */
export function readClock(text: string): number | null {
  const found = /^(?:(\d{1,2}):)?(\d{1,3}):(\d{2})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  if (!found || Number(found[3]) > 59) return null;
  const seconds = Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3]);
  return seconds * 1000 + Number((found[4] ?? "0").padEnd(3, "0"));
}

/** As the site writes it, without the zeros that say nothing. */
export function writeClock(ms: number): string {
  const whole = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  const rest = Math.round(ms % 1000);
  const thousandths = rest ? `.${String(rest).padStart(3, "0").replace(/0+$/, "")}` : "";
  return `${h ? `${h}:${two(m)}` : m}:${two(s)}${thousandths}`;
}
