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
