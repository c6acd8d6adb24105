// The work that the door asks of newcomers while an attack is on: an ALTCHA challenge, solved by
// the widget's own solver in workers, so that the page stays free and nobody has a puzzle to read.
// Loaded only when it is asked for.

import type { Challenge } from "altcha/lib";

/** A phone solves the hardest in some ten seconds; a challenge is good for five minutes. */
const PATIENCE_MS = 90_000;
const MOST_WORKERS = 4;

/** What is shown at the door; null when this browser cannot do it. `worker`: its script. */
export async function solve(challenge: Challenge, worker: string): Promise<string | null> {
  // Browsers do such work on secure origins only.
  if (!globalThis.crypto?.subtle || typeof Worker === "undefined" || worker === "") return null;
  const { solveChallengeWorkers } = await import("altcha/lib");
  const concurrency = Math.min(MOST_WORKERS, Math.max(1, navigator.hardwareConcurrency || 1));
  try {
    const solution = await solveChallengeWorkers({
      challenge,
      concurrency,
      createWorker: () => new Worker(worker),
      timeout: PATIENCE_MS,
    });
    return solution ? btoa(JSON.stringify({ challenge, solution })) : null;
  } catch {
    return null;
  }
}

/** A browser that cannot do the work asks again so often whether it is still wanted. */
const AGAIN_MS = 20_000;

/** What this page has worked for: to be shown at the door once. */
export class Toll {
  proof: string | null = null;
  failed = false;

  /** Until it is done; where it cannot be, until it is time to ask again. */
  async work(challenge: Challenge, worker: string, told: () => void): Promise<void> {
    this.proof = await solve(challenge, worker);
    this.failed = this.proof === null;
    told();
    if (this.failed) await new Promise((done) => window.setTimeout(done, AGAIN_MS));
  }
}
