// How long to wait before trying again. Pure: chance is an argument.

/**
 * The wait in ms before try number `tries` (0 first): doubling from `first` to `most`, then
 * spread over its upper half by `chance` (0 to 1), so that a crowd cut off together does not
 * come back together.
 */
export function backoff(tries: number, first: number, most: number, chance: number): number {
  const whole = Math.min(most, first * 2 ** Math.min(Math.max(0, tries), 30));
  return whole / 2 + (whole / 2) * chance;
}

/** `ms` and up to a quarter more: for polls that a whole crowd makes. */
export function jittered(ms: number, chance: number): number {
  return ms * (1 + chance / 4);
}
