// What decodes: hls.js where there is Media Source, else the browser's own HLS (iPhones).

import type Hls from "hls.js";
import { Feed, loaderFor, nobody } from "./lean.ts";
import type { Policy } from "./latency.ts";

export type Fault =
  /** 403 or 410: the seat is not ours any more. */
  | "away"
  /** Nothing comes, or nothing that can be read: build it anew. */
  | "broken"
  /** Nobody answers. */
  | "unreachable";

export interface Engine {
  readonly name: "hls.js" | "native";
  /** What is being decoded; null while unknown. */
  codec(): string | null;
  /** Unix ms (server time) of what is heard now; null while unknown. */
  heard_ms(): number | null;
  /** Seconds behind the live edge as the player counts them; null while unknown. */
  behind_s(): number | null;
  /** Seconds behind the live edge that it aims at; null: it does not say. */
  target_s(): number | null;
  /** Whether nothing more will come: what is loaded is all. */
  ended(): boolean;
  /** To the newest that can be played without a gap. */
  goLive(): void;
  /** Other sound or another distance, from what is loaded next on: without a gap. */
  retune(policy: Policy, rendition: Rendition): void;
  /** Requests for playlists and names so far; null: it does not say. */
  reads(): number | null;
  destroy(): void;
}

/** Which rendition to play; the other one is taken only where this one cannot be decoded. */
export type Rendition = "aac" | "opus";

export type OnFault = (fault: Fault, why: string) => void;

/** Where the sound is fetched from. */
export interface Source {
  readonly url: string;
  /** A static host: whole segments and ordinary playlists, nothing else. */
  readonly far: boolean;
  /** Whether there is another place: then nobody's answer is waited for as long. */
  readonly spare: () => boolean;
  /** Told of the multivariant playlist once it is loaded; gives what of it is to be played. */
  readonly loaded: (master: string, url: string) => string;
}

/** null: this browser can play no HLS at all. */
export async function makeEngine(
  audio: HTMLAudioElement,
  source: Source,
  policy: Policy,
  rendition: Rendition,
  onFault: OnFault,
): Promise<Engine | null> {
  const native = audio.canPlayType("application/vnd.apple.mpegurl") !== "";
  // Without the full Media Source (iPhones) the system's own player goes on in a locked pocket.
  if (typeof MediaSource === "undefined" && native) return nativeEngine(audio, source.url, onFault);
  const { default: Player } = await import("./hls.ts");
  if (Player.isSupported()) return hlsEngine(Player, audio, source, policy, rendition, onFault);
  return native ? nativeEngine(audio, source.url, onFault) : null;
}

/** PART-HOLD-BACK of our LL-HLS, for an engine that did not begin with it. */
const LOW_TARGET_S = 1.92;

const CODECS = { aac: "mp4a.40.2", opus: "opus" };

const playable = (rendition: Rendition): boolean =>
  rendition === "aac" || MediaSource.isTypeSupported('audio/mp4; codecs="opus"');

const quick = { maxNumRetry: 3, retryDelayMs: 250, maxRetryDelayMs: 2000 };
const often = { maxNumRetry: 8, retryDelayMs: 250, maxRetryDelayMs: 2000 };
const policyFor = (first_byte_ms: number, retry: typeof quick) => ({
  default: {
    maxTimeToFirstByteMs: first_byte_ms,
    maxLoadTimeMs: 20_000,
    timeoutRetry: retry,
    errorRetry: retry,
  },
});

/**
 * hls.js 1.7.4 takes "opus" for an incomplete name of a codec, and what the buffer began with goes
 * before it: AAC, Opus, AAC would end with AAC in a buffer for Opus. So nothing goes before it.
 */
function changesCodec(
  Player: typeof Hls,
): NonNullable<(typeof Player.DefaultConfig)["bufferController"]> {
  type Codecs = { audio?: { levelCodec?: string | undefined } };
  const Base = Player.DefaultConfig.bufferController as unknown as new (...all: unknown[]) => {
    onBufferCodecs(event: string, data: Codecs): void;
  };
  class ChangesCodec extends Base {
    override onBufferCodecs(event: string, data: Codecs): void {
      if (data.audio) data.audio.levelCodec = undefined;
      super.onBufferCodecs(event, data);
    }
  }
  return ChangesCodec as unknown as ReturnType<typeof changesCodec>;
}

function hlsEngine(
  Player: typeof Hls,
  audio: HTMLAudioElement,
  source: Source,
  policy: Policy,
  rendition: Rendition,
  onFault: OnFault,
): Engine {
  // Not in the middle of what hls.js does: who hears of a fault destroys the player.
  const fault: OnFault = (what, why) => void window.setTimeout(() => onFault(what, why), 0);
  const broken = (why: string) => fault("broken", why);
  const feed = new Feed(policy.latency, rendition, broken, () => hls.latency);
  feed.far = source.far;
  feed.master = source.loaded;
  feed.spare = source.spare;
  feed.unreachable = (why) => fault("unreachable", why);
  const hls: Hls = new Player({
    pLoader: loaderFor(Player, feed),
    bufferController: changesCodec(Player),
    // Audio in fMP4 needs no transmuxing: a worker would cost more than it takes.
    enableWorker: false,
    // Whether there are parts and whether an answer is held back, the playlist says.
    lowLatencyMode: true,
    ...(policy.target_s === null ? {} : { liveSyncDuration: policy.target_s }),
    ...(policy.target_s === null ? {} : { liveMaxLatencyDuration: policy.most_s }),
    // live.ts sets the rate: hls.js gives up catching up beyond a few seconds.
    maxLiveSyncPlaybackRate: 1,
    backBufferLength: 60,
    maxBufferLength: 30,
    manifestLoadPolicy: policyFor(8_000, quick),
    playlistLoadPolicy: policyFor(8_000, often),
    fragLoadPolicy: policyFor(8_000, often),
  });
  const { Events, ErrorDetails, ErrorTypes } = Player;
  // One level for good, whatever is played: the loader gives it what the rung wants (lean.ts).
  // hls.js switching levels in mid-stream was seen to lay the new one seconds off.
  hls.on(Events.MANIFEST_PARSED, () => {
    const codec = CODECS[rendition];
    const keep = hls.levels.find((level) => level.audioCodec === codec) ?? hls.levels[0];
    for (let i = hls.levels.length - 1; i >= 0; i--) if (hls.levels[i] !== keep) hls.removeLevel(i);
    // What a level says of its codec would go before what its init segments say ("opus").
    if (keep) Object.assign(keep, { audioCodec: undefined });
  });
  let mended_at = 0;
  hls.on(Events.ERROR, (_, data) => {
    const code = data.response?.code;
    if (code === 404 && data.details === ErrorDetails.FRAG_LOAD_ERROR && data.frag?.relurl)
      feed.surprise(data.frag.relurl);
    if (code === 403 || code === 410) return fault("away", `${data.details} ${code}`);
    if (!data.fatal) return;
    if (data.type === ErrorTypes.NETWORK_ERROR && nobody(code))
      return fault("unreachable", data.details);
    const now = Date.now();
    if (data.type === ErrorTypes.MEDIA_ERROR && now - mended_at > 10_000) {
      mended_at = now;
      const sounded = !audio.paused;
      hls.recoverMediaError();
      // The element is loaded anew by this, which pauses it without a word.
      if (sounded) audio.play().catch(() => undefined);
    } else {
      fault("broken", `${data.details} ${code ?? ""}`.trim());
    }
  });
  hls.loadSource(source.url);
  hls.attachMedia(audio);
  return {
    name: "hls.js",
    codec: () => (hls.levels.length > 0 ? CODECS[feed.rendition] : null),
    reads: () => feed.reads,
    ended: () => feed.ended,
    heard_ms: () => hls.playingDate?.getTime() ?? null,
    behind_s: () => (hls.latency > 0 ? hls.latency : null),
    target_s: () => hls.targetLatency,
    goLive() {
      const edge = hls.liveSyncPosition;
      if (edge !== null) audio.currentTime = edge;
    },
    retune(next, wanted) {
      hls.targetLatency = next.target_s ?? LOW_TARGET_S;
      feed.set(next.latency, playable(wanted) ? wanted : feed.rendition);
    },
    destroy: () => hls.destroy(),
  };
}

/** Safari gives the wall time of media time 0, from EXT-X-PROGRAM-DATE-TIME. */
type WithStartDate = HTMLAudioElement & { getStartDate?: () => Date };

function nativeEngine(audio: WithStartDate, play: string, onFault: OnFault): Engine {
  const controller = new AbortController();
  const edge = () =>
    audio.seekable.length > 0 ? audio.seekable.end(audio.seekable.length - 1) : null;
  audio.addEventListener(
    "error",
    () => {
      // The element does not tell the status: the playlist itself is asked.
      fetch(play, { signal: controller.signal, cache: "no-store" })
        .then((response) => {
          const away = response.status === 403 || response.status === 410;
          onFault(away ? "away" : "broken", `media error ${audio.error?.code} ${response.status}`);
        })
        .catch(() => {
          if (!controller.signal.aborted) onFault("broken", "no answer");
        });
    },
    { signal: controller.signal },
  );
  audio.src = play;
  audio.load();
  return {
    name: "native",
    codec: () => null,
    heard_ms() {
      const start = audio.getStartDate?.().getTime();
      return start !== undefined && start > 0 ? start + audio.currentTime * 1000 : null;
    },
    behind_s() {
      const end = edge();
      return end === null ? null : Math.max(0, end - audio.currentTime);
    },
    target_s: () => null,
    reads: () => null,
    ended: () => audio.ended,
    goLive() {
      const end = edge();
      if (end !== null) audio.currentTime = Math.max(0, end - 3);
    },
    retune() {},
    destroy() {
      controller.abort();
      audio.removeAttribute("src");
      audio.load();
    },
  };
}
