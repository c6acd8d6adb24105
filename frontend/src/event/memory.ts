// What the page keeps: a seat and a place are the browser's (tabs share one), the rest the tab's.
//
// A second tab shows the same ticket and so sits on the same seat; it counts once. Tabs say in
// the shared store that they are there, so that closing one of two gives nothing away.

/** Timers of hidden tabs may fire once a minute only. */
const HERE_MS = 90_000;

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;
export type Shared = "ticket" | "place" | "pass";
export type Own = "wanted" | "volume" | "phrase";
/** What a reader chose once for all conversations. */
export type Always = "captions";

export class Memory {
  private readonly name: (what: string) => string;
  private readonly own_id = Math.random().toString(36).slice(2, 10);
  private readonly session: Store | null;
  private readonly local: (Store & { readonly [key: string]: unknown }) | null;

  constructor(event: string) {
    this.name = (what) => `samvad-${event}-${what}`;
    this.session = reachable(() => sessionStorage);
    this.local = reachable(() => localStorage) as Memory["local"];
  }

  own(what: Own): string | null {
    return attempt(() => this.session?.getItem(this.name(what)) ?? null);
  }

  keepOwn(what: Own, value: string | null): void {
    attempt(() => put(this.session, this.name(what), value));
  }

  shared(what: Shared): string | null {
    return attempt(() => this.local?.getItem(this.name(what)) ?? null);
  }

  keepShared(what: Shared, value: string | null): void {
    attempt(() => put(this.local, this.name(what), value));
  }

  always(what: Always): string | null {
    return attempt(() => this.local?.getItem(`samvad-${what}`) ?? null);
  }

  keepAlways(what: Always, value: string | null): void {
    attempt(() => put(this.local, `samvad-${what}`, value));
  }

  /** This tab has the seat. To be said again within a minute. */
  here(now_ms: number): void {
    attempt(() => put(this.local, this.name(`tab-${this.own_id}`), String(now_ms)));
  }

  gone(): void {
    attempt(() => put(this.local, this.name(`tab-${this.own_id}`), null));
  }

  /** Whether another tab of this browser has the seat too. */
  others(now_ms: number): boolean {
    const tabs = this.name("tab-");
    const found = attempt(() =>
      Object.keys(this.local ?? {}).some((key) => {
        if (!key.startsWith(tabs) || key === tabs + this.own_id) return false;
        if (now_ms - Number(this.local?.getItem(key)) < HERE_MS) return true;
        this.local?.removeItem(key);
        return false;
      }),
    );
    return found ?? false;
  }

  /** One tab at a time, where the browser can tell: two must not spend one place twice. */
  async alone<T>(act: () => Promise<T>): Promise<T> {
    // Only secure origins have locks; elsewhere the door sorts it out.
    const { navigator: browser } = globalThis as { navigator?: { locks?: LockManager } };
    const locks = browser?.locks;
    return locks ? ((await locks.request(this.name("door"), act)) as T) : act();
  }
}

function put(store: Store | null, key: string, value: string | null): null {
  if (value === null) store?.removeItem(key);
  else store?.setItem(key, value);
  return null;
}

function reachable<T>(store: () => T): T | null {
  return attempt(store);
}

/** Private windows may keep nothing, or throw; then a reload is a new listener. */
function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
