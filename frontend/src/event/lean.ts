// A playlist loader for hls.js that writes the playlist itself (listing.ts): on the lower rungs
// from names told a minute before, so that a segment costs one request and not two. Where
// anything is not as expected it reads the gate's ordinary playlist.

import type Hls from "hls.js";
import type { Loader, LoaderStats, PlaylistLoaderConstructor, PlaylistLoaderContext } from "hls.js";
import {
  Listing,
  type Most,
  type Names,
  named,
  PER_LONG,
  PER_PAIR,
  readNames,
  readPlaylist,
  type Told,
} from "./listing.ts";
import type { Rendition } from "./engine.ts";
import type { Latency } from "./state.ts";

type Callbacks = Parameters<Loader<PlaylistLoaderContext>["load"]>[2];
type Configuration = Parameters<Loader<PlaylistLoaderContext>["load"]>[1];

/** A crowd's requests are spread over so much of a segment's time. */
const SPREAD = 0.8;
/** After a surprise the names are not asked for again at once. */
const SURPRISED_MS = 10_000;
/** Asked for more often in vain, and the player begins anew. */
const MISSED = 4;
/** Names are not read more often, whatever they lack: a stage that is away tells no new ones. */
const LEAST_MS = 5_000;
/** Fewer names than for so long: they are read anew. */
const SHORT_MS = 12_000;

/** So far behind the edge it takes a pair to be there, whole and fetched, before it is to be heard. */
const DEEP_S = 13;

/** Requests in a row that nobody answers, and another place is gone to if there is one. */
const UNANSWERED = 2;
/** With another place to go to, each is tried so often only. */
const HASTY = { maxNumRetry: 1, retryDelayMs: 250, maxRetryDelayMs: 500 };

/** Whether a status says that there is no gate: an edge in front has these of its own. */
export const nobody = (code: number | undefined): boolean => [0, 502, 504].includes(code ?? 0);

/** What is to be played, for as long as one engine lives; what its loaders have in common. */
export class Feed {
  readonly listing = new Listing();
  names: Names | null = null;
  /** Not before this (performance.now) are names asked for. */
  names_at = 0;
  readonly phase = Math.random() * SPREAD;
  /** The playlist has said that nothing more will come. */
  ended = false;
  /** Reads of playlists and of names, for the figures. */
  reads = 0;
  private holder: (() => void) | null = null;
  private again_at = 0;
  private missing = { uri: "", times: 0 };

  /** It comes from a static host, which has no names to tell. */
  far = false;
  master: (text: string, url: string) => string = (text) => text;
  /** Whether there is another place to fetch from, and what to do when this one is silent. */
  spare: () => boolean = () => false;
  unreachable: (why: string) => void = () => undefined;
  private unanswered = 0;
  latency: Latency;
  rendition: Rendition;
  readonly broken: (why: string) => void;
  /** How far behind the edge it is played. */
  private readonly behind_s: () => number;

  constructor(
    latency: Latency,
    rendition: Rendition,
    broken: (why: string) => void,
    behind_s: () => number = () => 0,
  ) {
    this.behind_s = behind_s;
    this.latency = latency;
    this.rendition = rendition;
    this.broken = broken;
  }

  get lean(): boolean {
    return this.latency !== "low" && !this.far;
  }

  set(latency: Latency, rendition: Rendition): void {
    if (latency === this.latency && rendition === this.rendition) return;
    this.latency = latency;
    this.names_at = 0;
    if (rendition !== this.rendition) {
      this.rendition = rendition;
      this.names = null;
      this.listing.straight = false;
    }
    this.hasten();
  }

  /**
   * A listed segment is not there: a gate that has just begun may get it yet; an encoder that
   * began anew, or has ended, will never make it. What is there, the ordinary playlist tells.
   */
  surprise(uri: string): void {
    this.missing = { uri, times: uri === this.missing.uri ? this.missing.times + 1 : 1 };
    if (this.missing.times === 2) {
      this.listing.lose(uri);
      this.names = null;
      this.names_at = performance.now() + SURPRISED_MS * (1 + Math.random());
      this.hasten();
    } else if (this.missing.times > MISSED) this.broken(`${uri} is not there`);
  }

  /** A request for a playlist is over; `code` is that of an error, 200 if there was none. */
  heard(code: number, url: string): void {
    this.unanswered = nobody(code) ? this.unanswered + 1 : 0;
    if (this.unanswered >= UNANSWERED && this.spare()) this.unreachable(url);
  }

  /** Whoever holds an answer back looks again. */
  private hasten(): void {
    const holder = this.holder;
    this.holder = null;
    holder?.();
  }

  hold(holder: (() => void) | null): void {
    this.holder = holder;
  }

  learn(names: Names): void {
    this.names = names;
    this.names_at = names.got_ms + LEAST_MS;
    this.again_at = names.got_ms + names.again_ms * (0.75 + Math.random() / 4);
  }

  wantsNames(now: number): boolean {
    if (now < this.names_at) return false;
    const { names } = this;
    if (names === null || now >= this.again_at) return true;
    return named(names, this.begin(names), 1, 0) === null || this.left_ms(names, now) < SHORT_MS;
  }

  private left_ms(names: Names, now: number): number {
    return (names.plain.length - names.ready) * 1920 - (now - names.got_ms);
  }

  /** Pairs only for one who is far enough behind for them: not for who has just come. */
  private get most(): Most {
    if (this.latency !== "long") return 1;
    return this.behind_s() >= DEEP_S ? PER_PAIR : PER_LONG;
  }

  private begin(names: Names): number {
    if (this.listing.next !== null) return this.listing.next;
    return this.latency === "long" && names.long_first * 3 >= names.first
      ? names.long_first * 3
      : names.first;
  }

  /** List what is due; when the next is, or null when the names do not lead on. */
  list(names: Names, now: number): { grown: boolean; due_ms: number } | null {
    let grown = false;
    for (;;) {
      const coming = named(names, this.begin(names), this.most, this.phase);
      if (coming === null) return null;
      if (coming.due_ms > now) return { grown, due_ms: coming.due_ms };
      this.listing.add(coming.entry);
      grown = true;
    }
  }
}

export function loaderFor(Player: typeof Hls, feed: Feed): PlaylistLoaderConstructor {
  const Inner = Player.DefaultConfig.loader;

  class LeanLoader implements Loader<PlaylistLoaderContext> {
    context: PlaylistLoaderContext | null = null;
    stats: LoaderStats = noStats();
    private readonly config: ConstructorParameters<typeof Inner>[0];
    private inner: Loader<PlaylistLoaderContext> | null = null;
    private callbacks: Callbacks | null = null;
    private configuration: Configuration | null = null;
    private timer = 0;
    private over = false;

    constructor(config: ConstructorParameters<typeof Inner>[0]) {
      this.config = config;
    }

    load(context: PlaylistLoaderContext, configuration: Configuration, callbacks: Callbacks): void {
      this.context = context;
      this.callbacks = callbacks;
      this.configuration = configuration;
      this.stats.loading.start = performance.now();
      if (context.type === "manifest")
        this.fetch(context.url, (data) => {
          this.give(feed.master(data, new URL(context.url, location.href).href));
        });
      else if (context.type !== "level") this.fetch(context.url, (data) => this.give(data));
      else if (feed.lean) this.timer = window.setTimeout(() => this.next(), 0);
      else this.playlist();
    }

    /** On the lower rungs: answer from names, when there is something new. */
    private next(): void {
      if (this.over) return;
      if (!feed.lean) return this.playlist();
      const now = performance.now();
      if (feed.wantsNames(now)) {
        this.fetch(`${this.root()}/lean.json`, (data) => {
          const names = readNames(data, performance.now());
          if (names) feed.learn(names);
          else feed.names_at = performance.now() + SURPRISED_MS;
          this.next();
        });
        return;
      }
      const listed = feed.names ? feed.list(feed.names, now) : null;
      if (!listed) {
        feed.names_at = Math.max(feed.names_at, now + SURPRISED_MS);
        return this.playlist();
      }
      const asked = new URL(this.context?.url ?? "", location.href).searchParams.has("_HLS_msn");
      if (listed.grown || !asked) {
        this.give(feed.listing.text({ blocks: true, parts: false, open: [], ended: false }));
        return;
      }
      feed.hold(() => {
        window.clearTimeout(this.timer);
        this.next();
      });
      this.timer = window.setTimeout(() => {
        feed.hold(null);
        this.next();
      }, listed.due_ms - now);
    }

    /** The ordinary playlist, in the terms of our list. */
    private playlist(): void {
      const { listing } = feed;
      const asked = new URL(this.context?.url ?? "", location.href);
      const url = new URL(`${this.root()}/index.m3u8`, location.href);
      if (!feed.lean) {
        for (const [name, value] of asked.searchParams) {
          const number = Number(value);
          if (name === "_HLS_msn") url.searchParams.set(name, String(listing.gate_msn(number)));
          else if (name !== "_HLS_skip" || listing.straight) url.searchParams.set(name, value);
        }
      }
      this.fetch(url.href, (data) => {
        const told = readPlaylist(data, listing.init);
        if (!told) return this.give(data); // hls.js knows what to say of it
        feed.ended = told.ended;
        if (!listing.absorb(told)) return feed.broken("the playlist does not lead on");
        this.give(listing.straight ? data : listing.text(styleOf(told)));
      });
    }

    /** Of the rendition that is to be played now, whatever level hls.js believes it plays. */
    private root(): string {
      const path = (this.context?.url ?? "").split("?")[0] ?? "";
      return path.split("/").slice(0, -2).concat(feed.rendition).join("/");
    }

    private fetch(url: string, then: (data: string) => void): void {
      const { context, callbacks, configuration } = this;
      if (!context || !callbacks || !configuration) return;
      feed.reads += 1;
      this.inner?.destroy();
      const inner = (this.inner = new Inner(this.config) as Loader<PlaylistLoaderContext>);
      const lean = url.endsWith("/lean.json");
      const { loadPolicy } = configuration;
      const policy = feed.spare() ? { ...loadPolicy, errorRetry: HASTY } : loadPolicy;
      inner.load(
        { ...context, url },
        { ...configuration, loadPolicy: policy },
        {
          onSuccess: (response) => {
            feed.heard(200, url);
            this.stats = inner.stats;
            if (!this.over) then(String(response.data));
          },
          onError: (error, _, details, stats) => {
            if (this.over) return;
            feed.heard(error.code, `${url} ${error.code}`);
            if (lean && error.code !== 403 && error.code !== 410) {
              feed.names_at = performance.now() + SURPRISED_MS * (1 + Math.random());
              this.next();
            } else callbacks.onError(error, context, details, stats);
          },
          onTimeout: (stats, _, details) => {
            if (this.over) return;
            feed.heard(0, `${url} in vain`);
            callbacks.onTimeout(stats, context, details);
          },
        },
      );
    }

    private give(data: string): void {
      const { context, callbacks } = this;
      if (this.over || !context || !callbacks) return;
      const now = performance.now();
      // An answer that was held back is new when it is given, not when it was asked for.
      this.stats = { ...this.stats, loading: { ...this.stats.loading, first: now, end: now } };
      this.stats.loaded = this.stats.total = data.length;
      this.over = true;
      // Whole: hls.js makes the URLs of all that follows from it.
      const { href } = new URL(context.url, location.href);
      callbacks.onSuccess({ url: href, data, code: 200 }, this.stats, context, null);
    }

    abort(): void {
      const going = !this.over;
      this.stop();
      this.stats.aborted = true;
      if (going && this.context) this.callbacks?.onAbort?.(this.stats, this.context, null);
    }

    destroy(): void {
      this.stop();
      this.inner?.destroy();
      this.inner = this.callbacks = this.context = null;
    }

    private stop(): void {
      if (!this.over) feed.hold(null);
      this.over = true;
      window.clearTimeout(this.timer);
      this.inner?.abort();
    }
  }
  return LeanLoader as unknown as PlaylistLoaderConstructor;
}

function styleOf(told: Told) {
  const parts = told.open.length > 0 || told.blocks;
  return { blocks: told.blocks, parts, open: told.open, init: told.init, ended: told.ended };
}

function noStats(): LoaderStats {
  const progress = () => ({ start: 0, first: 0, end: 0 });
  return {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: progress(),
    parsing: { start: 0, end: 0 },
    buffering: progress(),
  };
}
