// A pass comes in the link of a guest, a reminder or a member. Pure.

export interface CameBy {
  readonly pass: string;
  /** It was given just now, for a reminder. */
  readonly reminded: boolean;
  /** The address without it, for the address bar. */
  readonly rest: string;
}

/** `#pass=…` (which no server and no referrer sees) or `?pass=…`; null: it is a plain link. */
export function passIn(href: string): CameBy | null {
  const url = new URL(href);
  const fragment = new URLSearchParams(url.hash.slice(1));
  const pass = fragment.get("pass") || url.searchParams.get("pass");
  if (!pass) return null;
  url.searchParams.delete("pass");
  url.hash = "";
  return { pass, reminded: fragment.has("remind"), rest: url.href };
}
