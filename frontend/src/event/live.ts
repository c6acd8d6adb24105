// The live player: one audio element, an engine that may be built anew, and a watch over both.

import { backoff } from "../backoff.ts";
import { type Engine, type Fault, makeEngine } from "./engine.ts";
import { fromAfar, type Policy, rate, rendition } from "./latency.ts";
import type { Sound } from "./scene.ts";
import { Steering } from "./steering.ts";

export interface LiveTold {
  sound(sound: Sound): void;
  /** The gate does not take the ticket any more; the player has stopped. */
  away(): void;
  unsupported(): void;
  /** Whether the gate has not answered lately. */
  lost(): boolean;
}

const WATCH_MS = 500;
/** Without progress for so long, at the end of all there is, it is over. */
const OVER_MS = 1_500;
/** Who began a moment ago has little to step back over; a rung is followed so much later at most. */
const ROOM_MS = 12_000;
/** Where it began there may be parts of a segment only: hls.js would load it anew, which is heard. */
const SPARE_S = 2;
/** With long segments, whoever is so much nearer to the edge than the rung wants steps back too. */
const NEAR_S = 3;
/** A pause shorter than this while playing is the hardware's, not a stall. */
const STALL_MS = 150;

export class Live {
  readonly figures = {
    stalls: 0,
    stalled_ms: 0,
    rebuilds: 0,
    first_sound_ms: null as number | null,
  };
  lastFault = "";
  readonly audio: HTMLAudioElement;
  private readonly told: LiveTold;
  private engine: Engine | null = null;
  private play = "";
  /** What the gate asks for; `followed` is what is done. */
  private policy: Policy | null = null;
  private following = 0;
  private tries = 0;
  private turn = 0;
  private timer = 0;
  private watch = 0;
  private asked_at = 0;
  private moved_at = 0;
  private position = 0;
  private stalled_at: number | null = null;
  private heardAny = false;
  private playing_rendition: "aac" | "opus" = "aac";
  private readonly steering = new Steering(() => this.move("steered"));

  constructor(audio: HTMLAudioElement, told: LiveTold) {
    this.audio = audio;
    this.told = told;
    audio.addEventListener("playing", () => this.playing());
    audio.addEventListener("waiting", () => this.waiting());
    audio.addEventListener("pause", () => {
      if (this.active && !audio.ended && this.engine) told.sound("paused");
    });
    audio.addEventListener("ended", () => {
      // The silence that a press plays to unlock the element ends too, and means nothing.
      if (this.active && this.heardAny) told.sound("over");
    });
  }

  get active(): boolean {
    return this.policy !== null;
  }

  get engineName(): string | null {
    return this.engine?.name ?? null;
  }

  /** Where the sound comes from, if there are several places. */
  get pathway(): string | null {
    return this.steering.at;
  }

  private get followed(): Policy | null {
    return this.policy && this.steering.url !== null ? fromAfar(this.policy) : this.policy;
  }

  get codec(): string | null {
    return this.engine?.codec() ?? null;
  }

  heard_ms(): number | null {
    return this.heardAny ? (this.engine?.heard_ms() ?? null) : null;
  }

  /** Requests for playlists and names by this engine. */
  get reads(): number | null {
    return this.engine?.reads() ?? null;
  }

  behind_s(): number | null {
    return this.heardAny ? (this.engine?.behind_s() ?? null) : null;
  }

  start(play: string, policy: Policy): void {
    this.stop();
    this.play = play;
    this.policy = policy;
    this.tries = 0;
    this.asked_at = performance.now();
    this.watch = window.setInterval(() => this.look(), WATCH_MS);
    this.told.sound("starting");
    void this.build();
  }

  stop(): void {
    this.policy = null;
    this.turn++;
    window.clearTimeout(this.timer);
    window.clearTimeout(this.following);
    window.clearInterval(this.watch);
    this.steering.stop();
    this.stalled_at = null;
    this.drop();
  }

  pause(): void {
    this.audio.pause();
  }

  /** Go on after a pause: where it stopped if that is near enough, else at the live edge. */
  resume(): void {
    const behind = this.behind_s();
    if (behind !== null && this.followed && behind > this.followed.most_s) this.engine?.goLive();
    this.moved_at = performance.now();
    void this.sounds();
  }

  goLive(): void {
    this.engine?.goLive();
    if (this.audio.paused) this.resume();
  }

  /**
   * Another rung. To be further behind, what is heard steps back once, over sound that is loaded
   * already: nothing is missed, nothing is silent. To be nearer, it is played a little faster.
   */
  retune(policy: Policy, until = performance.now() + ROOM_MS): void {
    window.clearTimeout(this.following);
    const before = this.policy;
    if (!before || policy === before) return;
    if (this.steering.url !== null) {
      this.policy = policy; // from afar there is nothing to follow by
      return;
    }
    const back_s =
      (policy.target_s ?? 0) > (before.target_s ?? 0) ? this.back_s(policy.target_s ?? 0) : 0;
    // With too little behind it the sound would stop for the rest of the way.
    if (
      this.engine &&
      back_s > 0 &&
      back_s > this.room_s() - SPARE_S &&
      performance.now() < until
    ) {
      this.following = window.setTimeout(() => this.retune(policy, until), WATCH_MS);
      return;
    }
    this.policy = policy;
    if (!this.engine) return;
    const was = this.playing_rendition;
    // Whoever came before "new" was said stays with what is played.
    if (policy.lean !== "new") this.playing_rendition = this.wanted(policy.lean === "all");
    // Near the edge parts of a segment are there already, and its rest cannot be of another codec.
    if (policy.latency === "low" && before.latency === "low" && was !== this.playing_rendition)
      return this.again();
    this.engine.retune(policy, this.playing_rendition);
    if (back_s > 0) this.audio.currentTime -= Math.min(back_s, Math.max(0, this.room_s()));
  }

  /** How far to step back, to be `target_s` behind the live edge; 0 while nothing is heard. */
  private back_s(target_s: number): number {
    const behind_s = this.engine?.behind_s() ?? null;
    return behind_s === null || this.audio.paused ? 0 : Math.max(0, target_s - behind_s);
  }

  /** Seconds of sound that are loaded behind what is heard now. */
  private room_s(): number {
    const { buffered, currentTime } = this.audio;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i))
        return currentTime - buffered.start(i) - 0.1;
    }
    return 0;
  }

  private wanted(lean: boolean): "aac" | "opus" {
    return rendition(connection(), this.figures.stalls, lean);
  }

  private drop(): void {
    const engine = this.engine;
    this.engine = null;
    engine?.destroy();
    this.heardAny = false;
  }

  private async build(): Promise<void> {
    const turn = ++this.turn;
    this.drop();
    const policy = this.followed;
    if (!policy) return;
    this.moved_at = performance.now();
    try {
      const wanted = this.wanted(policy.lean !== null);
      this.playing_rendition = wanted;
      const { steering } = this;
      const source = {
        url: steering.url ?? this.play,
        far: steering.url !== null,
        spare: () => steering.at !== null,
        loaded: (master: string, url: string) => steering.learn(master, url),
      };
      const engine = await makeEngine(this.audio, source, policy, wanted, (fault, why) => {
        if (turn === this.turn) this.fault(fault, why);
      });
      if (turn !== this.turn) return engine?.destroy();
      if (!engine) return this.told.unsupported();
      this.engine = engine;
    } catch (error) {
      // The player's own script could not be fetched: the network is gone.
      if (turn === this.turn) this.fault("broken", String(error));
      return;
    }
    await this.sounds();
  }

  private async sounds(): Promise<void> {
    try {
      await this.audio.play();
    } catch (error) {
      // AbortError: a newer source or a pause came between; that one will tell.
      if (error instanceof DOMException && error.name === "NotAllowedError") {
        if (this.active) this.told.sound("blocked");
      }
    }
  }

  private fault(fault: Fault, why: string): void {
    this.lastFault = why;
    if (fault === "away") {
      this.stop();
      this.told.away();
      return;
    }
    if (fault === "unreachable" && this.steering.failed()) this.move(why);
    else this.again();
  }

  /** The sound comes from another place from now on. */
  private move(why: string): void {
    this.lastFault = why;
    this.tries = 0;
    this.again(0);
  }

  private again(wait_ms?: number): void {
    if (!this.policy) return;
    this.turn++;
    if (this.figures.first_sound_ms !== null) this.stalled_at ??= performance.now();
    this.drop();
    this.figures.rebuilds++;
    this.told.sound("waiting");
    window.clearTimeout(this.timer);
    const wait = wait_ms ?? backoff(this.tries++, 400, 6_000, Math.random());
    this.timer = window.setTimeout(() => void this.build(), wait);
  }

  private playing(): void {
    if (!this.active || !this.engine) return;
    this.heardAny = true;
    this.moved_at = performance.now();
    this.figures.first_sound_ms ??= performance.now() - this.asked_at;
    this.unstall();
    this.told.sound("playing");
  }

  private waiting(): void {
    if (!this.active || !this.engine || !this.heardAny || this.audio.seeking) return;
    this.stalled_at ??= performance.now();
    this.told.sound("waiting");
  }

  private unstall(): void {
    if (this.stalled_at === null) return;
    const lasted = performance.now() - this.stalled_at;
    this.stalled_at = null;
    if (lasted < STALL_MS) return;
    this.figures.stalls++;
    this.figures.stalled_ms += Math.round(lasted);
  }

  private ahead_s(): number {
    const { buffered, currentTime } = this.audio;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime && currentTime < buffered.end(i))
        return buffered.end(i) - currentTime;
    }
    return 0;
  }

  private look(): void {
    const { audio, followed: policy, engine } = this;
    if (!policy || !engine) return;
    const now = performance.now();
    const behind = this.behind_s();
    const target = engine.target_s();
    const over = behind !== null && target !== null ? behind - target : 0;
    // Who began when there was little is nearer to the edge than pairs allow (lean.ts).
    if (
      policy.latency === "long" &&
      over < -NEAR_S &&
      this.room_s() - SPARE_S > -over &&
      !audio.paused
    )
      audio.currentTime += over;
    const speed = rate(over, this.ahead_s(), audio.playbackRate, policy.catches_up_from_s);
    if (audio.playbackRate !== speed) audio.playbackRate = speed;
    if (audio.currentTime !== this.position) {
      this.position = audio.currentTime;
      this.moved_at = now;
      if (!audio.paused && this.stalled_at === null) this.tries = 0;
    }
    if (audio.paused || audio.ended) {
      this.moved_at = now;
    } else if (engine.ended() && now - this.moved_at > OVER_MS) {
      // Behind what there is lies a segment that was named and never made: hls.js waits for it.
      this.stop();
      this.told.sound("over");
    } else if (now - this.moved_at > policy.patience_ms) {
      this.lastFault = "no progress";
      if (this.told.lost() && this.steering.failed()) this.move("no progress");
      else this.again();
    }
  }
}

/** The Network Information API, where there is one. */
function connection(): { saveData?: boolean; effectiveType?: string } | undefined {
  return (navigator as { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
}
