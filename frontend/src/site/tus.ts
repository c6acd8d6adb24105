// A resumable upload: tus 1.0.0, core and creation. What breaks off goes on where the server says.

import { backoff } from "../backoff.ts";

const VERSION = { "Tus-Resumable": "1.0.0" };
export const PIECE = 4 * 1024 * 1024;
const TRIES = 12;

/** What the server said against it; `says` is a sentence for a person. */
export class Refused extends Error {}

/** Sends `file`; resolves with the upload's name. `told` hears how much is there (0 to 1). */
export async function upload(
  file: Blob,
  to: string,
  told: (done: number) => void,
  stop: AbortSignal,
  ask: typeof fetch = fetch,
  pause: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
): Promise<string> {
  const made = await ask(to, {
    method: "POST",
    headers: { ...VERSION, "Upload-Length": String(file.size) },
    signal: stop,
  });
  const at = made.headers.get("Location");
  if (made.status !== 201 || !at) throw new Refused(await made.text());
  const path = new URL(at, "http://site").pathname;
  let offset = 0;
  let failed = 0;
  while (offset < file.size) {
    try {
      const answer = await ask(path, {
        method: "PATCH",
        headers: {
          ...VERSION,
          "Upload-Offset": String(offset),
          "Content-Type": "application/offset+octet-stream",
        },
        body: file.slice(offset, offset + PIECE),
        signal: stop,
      });
      if (answer.status === 204 || answer.status === 409)
        offset = Number(answer.headers.get("Upload-Offset"));
      else if (answer.status < 500) throw new Refused(await answer.text());
      else throw new TypeError(`status ${answer.status}`);
      failed = 0;
      told(offset / file.size);
    } catch (error) {
      if (error instanceof Refused || stop.aborted || ++failed > TRIES) throw error;
      await pause(backoff(failed, 1_000, 30_000, Math.random()));
      offset = await where(path, offset, stop, ask);
    }
  }
  return path.split("/").at(-1) ?? "";
}

/** How far the server is; what we thought, when it does not answer. */
async function where(
  path: string,
  thought: number,
  stop: AbortSignal,
  ask: typeof fetch,
): Promise<number> {
  try {
    const answer = await ask(path, { method: "HEAD", headers: VERSION, signal: stop });
    const told = answer.headers.get("Upload-Offset");
    return answer.ok && told !== null ? Number(told) : thought;
  } catch {
    return thought;
  }
}
