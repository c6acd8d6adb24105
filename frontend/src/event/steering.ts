// Which of several places the sound is fetched from: content steering (draft-pantos-hls-rfc8216bis,
// section 7). hls.js in its light build does not steer; this does, for our own page.
//
// The gate's multivariant playlist names the places and where it is told which goes first. A place
// that does not answer is set aside for a while. Only a gate that tells anew leads back to a gate:
// from afar nothing else tells that it is there again.

export interface Pathways {
  /** Where the manifest is told. */
  readonly server: string;
  readonly first: string;
  /** What to load, by pathway; the one that was loaded is among them. */
  readonly urls: ReadonlyMap<string, string>;
}

export interface Manifest {
  readonly ttl_s: number;
  readonly order: readonly string[];
}

/** So long a place that has failed is not gone to, if there is another. */
const SET_ASIDE_MS = 60_000;
const ASK_MS = 8_000;
const LEAST_TTL_S = 5;

function attributes(line: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, quoted, plain] of line.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g))
    found.set(name ?? "", quoted ?? plain ?? "");
  return found;
}

/** null: the playlist has one place only. `url`: it was loaded from there. */
export function readPathways(master: string, url: string): Pathways | null {
  const lines = master.split("\n").map((line) => line.trim());
  const steered = lines.find((line) => line.startsWith("#EXT-X-CONTENT-STEERING:"));
  const about = steered === undefined ? null : attributes(steered);
  const server = about?.get("SERVER-URI");
  if (!server) return null;
  const first = about?.get("PATHWAY-ID") ?? ".";
  const urls = new Map<string, string>([[first, url]]);
  lines.forEach((line, at) => {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) return;
    const pathway = attributes(line).get("PATHWAY-ID") ?? ".";
    const variant = lines[at + 1];
    // A mirror has a multivariant playlist of its own beside its renditions (gate/mirror.py).
    if (variant && !urls.has(pathway))
      urls.set(pathway, new URL("../master.m3u8", new URL(variant, url)).href);
  });
  return urls.size > 1 ? { server: new URL(server, url).href, first, urls } : null;
}

/**
 * The same with one place only: hls.js would take the others' renditions for spare ones, change to
 * them by itself, and never come back.
 */
export function only(master: string, pathway: string): string {
  const lines = master.split("\n");
  const elsewhere = (line: string | undefined): boolean =>
    line?.startsWith("#EXT-X-STREAM-INF:") === true &&
    (attributes(line).get("PATHWAY-ID") ?? ".") !== pathway;
  return lines
    .filter((line, at) => !elsewhere(line) && !elsewhere(lines[at - 1]))
    .filter((line) => !line.startsWith("#EXT-X-CONTENT-STEERING:"))
    .join("\n");
}

export function readManifest(value: unknown): Manifest | null {
  const raw = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const { VERSION, TTL, "PATHWAY-PRIORITY": order } = raw;
  if (VERSION !== 1 || !Array.isArray(order)) return null;
  const ttl_s = typeof TTL === "number" && TTL > 0 ? Math.max(TTL, LEAST_TTL_S) : 300;
  return { ttl_s, order: order.filter((one) => typeof one === "string") };
}

/** The places and which is gone to; pure. */
export class Places {
  private readonly aside = new Map<string, number>();
  private order: readonly string[];
  readonly pathways: Pathways;
  at: string;

  constructor(pathways: Pathways) {
    this.pathways = pathways;
    this.at = pathways.first;
    this.order = [pathways.first];
  }

  get far(): boolean {
    return this.at !== this.pathways.first;
  }

  get url(): string {
    return this.pathways.urls.get(this.at) ?? "";
  }

  /** Told which go first; whether that is another place than the one that is played from. */
  tell(manifest: Manifest, now_ms: number): boolean {
    if (manifest.order.some((one) => this.pathways.urls.has(one))) this.order = manifest.order;
    // Who tells it is there.
    this.aside.delete(this.pathways.first);
    return this.choose(now_ms);
  }

  /** The place that is played from has failed; whether there is another. */
  failed(now_ms: number): boolean {
    this.aside.set(this.at, now_ms + SET_ASIDE_MS);
    return this.choose(now_ms);
  }

  private choose(now_ms: number): boolean {
    const { urls } = this.pathways;
    const known = [...new Set([...this.order, ...urls.keys()])].filter((one) => urls.has(one));
    const aside = (one: string) => Math.max(0, (this.aside.get(one) ?? 0) - now_ms);
    // All have failed: the one that has rested longest.
    const [best] = known.sort((a, b) => aside(a) - aside(b));
    const before = this.at;
    this.at = best ?? before;
    return this.at !== before;
  }
}

export class Steering {
  private places: Places | null = null;
  private timer = 0;
  private readonly moved: () => void;

  /** `moved`: the sound is to be fetched from another place from now on. */
  constructor(moved: () => void) {
    this.moved = moved;
  }

  /** Another place than the one that was given at first; null: none. */
  get url(): string | null {
    return this.places?.far ? this.places.url : null;
  }

  /** The pathway; null: there is only one. */
  get at(): string | null {
    return this.places?.at ?? null;
  }

  /** A multivariant playlist has been loaded; what of it is to be played. */
  learn(master: string, url: string): string {
    const found = readPathways(master, url);
    if (!found) return master;
    if (!this.places) {
      this.places = new Places(found);
      this.again(LEAST_TTL_S);
    }
    return only(master, found.first);
  }

  failed(): boolean {
    return this.places?.failed(performance.now()) ?? false;
  }

  stop(): void {
    window.clearTimeout(this.timer);
    this.places = null;
  }

  /** A crowd asks at moments of its own. */
  private again(within_s: number): void {
    window.clearTimeout(this.timer);
    const wait_ms = within_s * 1000 * (0.75 + Math.random() / 4);
    this.timer = window.setTimeout(() => void this.ask(within_s), wait_ms);
  }

  private async ask(within_s: number): Promise<void> {
    const { places } = this;
    if (!places) return;
    let manifest: Manifest | null = null;
    try {
      const signal = AbortSignal.timeout(ASK_MS);
      const answer = await fetch(places.pathways.server, { cache: "no-store", signal });
      if (answer.ok) manifest = readManifest(await answer.json());
    } catch {
      // Nobody is there: what is known stays.
    }
    if (places !== this.places) return;
    this.again(manifest?.ttl_s ?? within_s);
    if (manifest && places.tell(manifest, performance.now())) this.moved();
  }
}
