// The room as the stage tells it, read as a stream for as long as the page is open.

import { backoff } from "../backoff.ts";
import { EventStream } from "../sse.ts";
import { refusal, type Refusal, timed } from "../whip.ts";

export interface RoomVoice {
  readonly id: string;
  readonly name: string;
  readonly here: boolean;
  readonly muted: boolean;
  readonly speaking: boolean;
  readonly level: number;
}

/** What the host or operator ordered of the ladder; `rung` counts from 1, 0 is none. */
export interface LadderOrder {
  readonly mode: "auto" | "hold" | "force";
  readonly rung: number;
  readonly by: string;
  readonly at_ms: number;
}

export interface Room {
  readonly event: string;
  readonly title: string;
  readonly on_air: "first_voice" | "host";
  readonly you: { readonly id: string; readonly name: string; readonly role: string };
  readonly room: {
    readonly phase: "off" | "live" | "ended";
    readonly live_since_ms: number | null;
    readonly ended_ms: number | null;
    readonly speakers: readonly RoomVoice[];
    readonly status: { readonly text: string; readonly at_ms: number } | null;
    readonly replay: { readonly bytes: number; readonly duration_ms: number } | null;
    readonly ladder: LadderOrder | null;
  };
}

export interface RoomTold {
  room(room: Room): void;
  /** Out of reach; it is tried again by itself. */
  lost(): void;
  /** The token opens nothing (any more): 401, 403 or 404. Not tried again. */
  closed(status: number): void;
}

/** The stage says at least a comment every 15 s. */
const SILENT_MS = 25_000;
/** Short first tries: a restarted stage is back within seconds, and somebody is speaking. */
const FIRST_MS = 250;
const MOST_MS = 3_000;

export class RoomLink {
  private readonly base: string;
  private readonly token: string;
  private readonly told: RoomTold;
  private tries = 0;
  private over = false;
  private controller: AbortController | null = null;
  /** The stream is open now and has told the room at least once. */
  fresh = false;

  constructor(stage: string, event: string, token: string, told: RoomTold) {
    this.base = `${stage}/stage/${event}`;
    this.token = token;
    this.told = told;
  }

  start(): void {
    void this.follow();
  }

  stop(): void {
    this.over = true;
    this.controller?.abort();
  }

  /** One of the room's controls. Throws a Refusal, or a TypeError when out of reach. */
  async act(
    method: "POST" | "DELETE",
    path: string,
    body?: unknown,
    patience_ms = 8_000,
  ): Promise<Room> {
    const response = await timed(patience_ms, (signal) =>
      fetch(`${this.base}/${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      }),
    );
    if (!response.ok) throw await refusal(response);
    const room = (await response.json()) as Room;
    this.told.room(room);
    return room;
  }

  private async follow(): Promise<void> {
    while (!this.over) {
      const no = await this.read().catch(() => null);
      this.fresh = false;
      if (this.over) return;
      if (no && (no.status === 401 || no.status === 403 || no.status === 404)) {
        this.told.closed(no.status);
        return;
      }
      if (this.tries > 0) this.told.lost();
      await new Promise((done) =>
        setTimeout(done, backoff(this.tries++, FIRST_MS, MOST_MS, Math.random())),
      );
    }
  }

  /** Until the stream ends. A Refusal when the stage said no. */
  private async read(): Promise<Refusal | null> {
    const controller = new AbortController();
    this.controller = controller;
    let timer = setTimeout(() => controller.abort(), 8_000);
    try {
      const response = await fetch(`${this.base}/room/stream`, {
        headers: { Authorization: `Bearer ${this.token}`, Accept: "text/event-stream" },
        cache: "no-store",
        signal: controller.signal,
      });
      if (!response.ok) return await refusal(response);
      if (!response.body) return null;
      const stream = new EventStream();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        clearTimeout(timer);
        timer = setTimeout(() => controller.abort(), SILENT_MS);
        const { done, value } = await reader.read();
        if (done) return null;
        for (const data of stream.feed(decoder.decode(value, { stream: true }))) {
          this.tries = 0;
          this.fresh = true;
          this.told.room(JSON.parse(data) as Room);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
