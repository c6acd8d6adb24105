// Asking the gate: with a deadline, and reading the server's clock from what is everybody's.

import type { ServerClock } from "./heard.ts";

const ASK_MS = 8_000;
/** The gate holds some looks for up to 55 s. */
const HELD_MS = 65_000;

export class Gate {
  private readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  async post(path: string, body: string): Promise<Response> {
    const headers = { "Content-Type": "application/json" };
    return this.ask(path, { method: "POST", headers, body }, ASK_MS);
  }

  /** state.json and serving.json. Throws when there is none that can be used. */
  async read<T extends { readonly now_ms: number }>(
    path: string,
    form: (value: unknown) => T | null,
    clock: ServerClock,
  ): Promise<T> {
    const sent = Date.now();
    const held = path.includes("?after=");
    const options: RequestInit = held ? { cache: "no-store" } : {};
    const response = await this.ask(path, options, held ? HELD_MS : ASK_MS);
    const got = Date.now();
    if (!response.ok) throw new Error(`${path} ${response.status}`);
    const value = form(await response.json());
    if (!value) throw new Error(`${path} cannot be used`);
    // What was held says nothing of how long the way is.
    if (!held) clock.add(sent, got, value.now_ms);
    return value;
  }

  private async ask(path: string, options: RequestInit, within_ms: number): Promise<Response> {
    const controller = new AbortController();
    const timer = window.setTimeout(() => controller.abort(), within_ms);
    try {
      return await fetch(this.base + path, { ...options, signal: controller.signal });
    } finally {
      window.clearTimeout(timer);
    }
  }
}
