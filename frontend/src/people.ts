// How a person is shown where there is no picture. Pure.

/** One or two letters: of the first and the last word of a name, whole letters of any script. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (first === undefined) return "?";
  const last = words.length > 1 ? words.at(-1) : undefined;
  return (letter(first) + (last === undefined ? "" : letter(last))).toLocaleUpperCase();
}

function letter(word: string): string {
  if (typeof Intl.Segmenter === "function") {
    for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  }
  return [...word][0] ?? "";
}
