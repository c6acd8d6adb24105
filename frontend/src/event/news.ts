// What the gate tells everybody, read as often as the moment deserves: the state, or in line how
// far the line is. Which and when is decided in scene.ts, line.ts and latency.ts.

import { backoff, jittered } from "../backoff.ts";
import type { Config } from "./context.ts";
import type { Gate } from "./gate.ts";
import type { Heard, ServerClock } from "./heard.ts";
import { pollMs } from "./latency.ts";
import { look, PAUSE_MS } from "./line.ts";
import { type Happening, type Model, queues, standing } from "./scene.ts";
import { readServing, readState } from "./state.ts";

interface Reads {
  readonly config: Config;
  readonly gate: Gate;
  readonly clock: ServerClock;
  readonly heard: Heard;
  model(): Model;
  happen(happening: Happening): void;
}

export class News {
  private readonly at: Reads;
  private timer = 0;
  private tries = 0;
  private turn = 0;
  /** Of the next look at serving.json, and at state.json: what was seen, so that it is held until
   * there is more. */
  private line_query = "";
  private state_query = "";

  constructor(at: Reads) {
    this.at = at;
  }

  /** At once, whenever the next look would have been. */
  soon(): void {
    this.line_query = this.state_query = "";
    this.next(0);
  }

  private next(wait_ms: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.read(), wait_ms);
  }

  private async read(): Promise<void> {
    window.clearTimeout(this.timer);
    const turn = ++this.turn;
    const waits = queues(this.at.model());
    let wait_ms: number;
    try {
      wait_ms = await (waits ? this.readLine() : this.readState());
      this.tries = 0;
    } catch {
      if (this.tries > 0) this.at.happen({ what: "no_state" });
      wait_ms = waits
        ? backoff(this.tries++, 1_000, 15_000, Math.random())
        : backoff(this.tries++, 600, 8_000, Math.random());
    }
    // A look that was still held when another was wanted tells its news, and no more.
    if (turn === this.turn) this.next(wait_ms);
  }

  private now_ms(): number {
    return Date.now() + this.at.clock.offset_ms;
  }

  private async readLine(): Promise<number> {
    const { gate, config, clock } = this.at;
    const query = this.line_query;
    this.line_query = "";
    const serving = await gate.read(config.serving + query, readServing, clock);
    this.at.happen({ what: "serving", serving, now_ms: this.now_ms() });
    const next = look(standing(this.at.model()), serving, Math.random());
    this.line_query = next.query;
    return next.wait_ms;
  }

  private async readState(): Promise<number> {
    const { gate, config, clock, heard } = this.at;
    const query = this.state_query;
    this.state_query = "";
    const state = await gate.read(config.state + query, readState, clock);
    heard.add(state.now_ms, state.voices);
    this.at.happen({ what: "state", state, now_ms: this.now_ms() });
    if (state.phase === "ended" && state.replay) return jittered(60_000, Math.random());
    // In a big crowd the state is read seldom, and what the host says is there at once all the same.
    if (state.phase === "live" && state.latency !== "low" && state.mark !== "") {
      this.state_query = `?after=${state.mark}`;
      return PAUSE_MS * (1 + Math.random());
    }
    const opens = state.doors_ms ?? state.starts_ms;
    const until = opens === null ? null : opens - this.now_ms();
    const wait = pollMs(state.phase, state.latency, !document.hidden, until);
    return jittered(wait, Math.random());
  }
}
