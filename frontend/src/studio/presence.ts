// Being in the room: one WHIP session for one's own voice, one WHEP session for the others'.

import { backoff } from "../backoff.ts";
import { hear, publish, Refusal, type Session } from "../whip.ts";
import { next, OUT, type Stay } from "./stay.ts";

export interface PresenceTold {
  /** Something changed: what is shown must be looked at again. */
  changed(): void;
  /** A session has just begun (the first one, or after an interruption). */
  arrived(again: boolean): void;
  /** The stage does not want this speaker: removed, ended, full. */
  refused(refusal: Refusal): void;
}

const MOST_MS = 3_000;

export class Presence {
  stay: Stay = OUT;
  elsewhere = false;
  /** The browser holds back the others' sound until a press. */
  blocked = false;
  rejoins = 0;
  private voice: Session | null = null;
  private ears: Session | null = null;
  private earsTries = 0;
  private earsAt = 0;
  private earsStarting = false;
  private arrivals = 0;
  private turn = 0;
  private readonly whip: string;
  private readonly whep: string;
  private readonly token: string;
  private readonly others: HTMLAudioElement;
  private readonly told: PresenceTold;
  private track: MediaStreamTrack | null = null;

  constructor(
    stage: string,
    event: string,
    token: string,
    others: HTMLAudioElement,
    told: PresenceTold,
  ) {
    this.whip = `${stage}/whip/${event}`;
    this.whep = `${stage}/whep/${event}`;
    this.token = token;
    this.others = others;
    this.told = told;
  }

  get wanted(): boolean {
    return this.stay.wanted;
  }

  get up(): boolean {
    return this.stay.session === "up" && this.stay.seen && this.stay.absent_at === null;
  }

  enter(track: MediaStreamTrack): void {
    this.track = track;
    this.elsewhere = false;
    this.stay = { ...OUT, wanted: true };
    this.told.changed();
  }

  /** Another microphone, without leaving. */
  async replace(track: MediaStreamTrack): Promise<void> {
    this.track = track;
    await this.voice?.pc.getSenders()[0]?.replaceTrack(track);
  }

  leave(leaving = false): void {
    this.turn++;
    this.stay = OUT;
    this.arrivals = 0;
    void this.voice?.end(leaving);
    void this.ears?.end(leaving);
    this.voice = this.ears = null;
    this.others.srcObject = null;
    if (!leaving) this.told.changed();
  }

  /** What the room says of this speaker. */
  shown(here: boolean, now: number): void {
    if (this.stay.session !== "up") return;
    this.stay = here
      ? { ...this.stay, seen: true, absent_at: null, tries: 0 }
      : { ...this.stay, absent_at: this.stay.absent_at ?? now };
  }

  /** Every quarter of a second. `known`: the room is being told right now. */
  tick(known: boolean, now: number): void {
    const { stay } = this;
    if (stay.session === "up" && this.voice) {
      const carries = ["connected", "connecting", "new"].includes(this.voice.pc.connectionState);
      this.stay = { ...stay, cut_at: carries ? null : (stay.cut_at ?? now) };
    }
    const what = next(this.stay, known, now);
    if (what === "join") void this.join();
    if (what === "elsewhere") {
      this.elsewhere = true;
      this.leave();
    }
    if (this.stay.wanted && this.stay.session === "up") this.hearOthers(known, now);
  }

  private async join(): Promise<void> {
    const turn = ++this.turn;
    const former = this.voice;
    this.voice = null;
    former?.pc.close();
    if (!this.track) return;
    this.stay = { ...this.stay, session: "starting" };
    this.told.changed();
    try {
      const session = await publish(this.whip, this.token, this.track);
      if (turn !== this.turn) return void session.end();
      this.voice = session;
      // The others' sound came from the same stage: it is asked for anew as well.
      if (this.arrivals > 0) this.dropEars();
      this.stay = {
        ...this.stay,
        session: "up",
        up_at: Date.now(),
        seen: false,
        absent_at: Date.now(),
        cut_at: null,
      };
      if (this.arrivals++ > 0) this.rejoins++;
      this.told.arrived(this.arrivals > 1);
    } catch (error) {
      if (turn !== this.turn) return;
      if (error instanceof Refusal && error.status < 500 && error.status !== 404) {
        this.leave();
        this.told.refused(error);
        return;
      }
      const wait = backoff(this.stay.tries, 250, MOST_MS, Math.random());
      this.stay = {
        ...this.stay,
        session: "none",
        tries: this.stay.tries + 1,
        retry_at: Date.now() + wait,
      };
    }
    this.told.changed();
  }

  private dropEars(): void {
    const former = this.ears;
    this.ears = null;
    this.earsTries = 0;
    this.earsAt = 0;
    void former?.end();
  }

  private hearOthers(known: boolean, now: number): void {
    if (this.ears && known) {
      const { connectionState } = this.ears.pc;
      if (connectionState === "failed" || connectionState === "closed") this.dropEars();
    }
    if (this.ears || this.earsStarting || now < this.earsAt) return;
    this.earsStarting = true;
    const turn = this.turn;
    hear(this.whep, this.token, (stream) => {
      this.others.srcObject = stream;
      this.sound();
    }).then(
      (session) => {
        this.earsStarting = false;
        if (turn !== this.turn) return void session.end();
        this.ears = session;
        this.earsTries = 0;
      },
      () => {
        this.earsStarting = false;
        this.earsAt = Date.now() + backoff(this.earsTries++, 400, MOST_MS, Math.random());
      },
    );
  }

  /** In a press when `blocked`. */
  sound(): void {
    this.others.play().then(
      () => this.unblock(false),
      (error: unknown) => {
        if (error instanceof DOMException && error.name === "NotAllowedError") this.unblock(true);
      },
    );
  }

  private unblock(blocked: boolean): void {
    this.blocked = blocked;
    this.told.changed();
  }

  stats(): Record<string, unknown> {
    return {
      session: this.stay.session,
      seen: this.stay.seen,
      in: this.up,
      elsewhere: this.elsewhere,
      rejoins: this.rejoins,
      whip: this.voice?.pc.connectionState ?? null,
      whep: this.ears?.pc.connectionState ?? null,
    };
  }
}
