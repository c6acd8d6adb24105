// A client of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): SDP by POST, end by DELETE.

import { askOpus, iceServers } from "./sdp.ts";

/** The other side said no: its status, its own code and sentence where it gave them. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, says: string) {
    super(says);
    this.status = status;
    this.code = code;
  }
}

export interface Session {
  readonly pc: RTCPeerConnection;
  /** Ends it here and there. `leaving`: the page goes away, so the request must outlive it. */
  end(leaving?: boolean): Promise<void>;
}

/** Mono speech with room to spare; a mixer encodes it again. */
const BITRATE = 48_000;
/** Candidates of slow interfaces are not waited for: the other side has a public address. */
const GATHER_MS = 1_000;
const ANSWER_MS = 8_000;

export function publish(
  endpoint: string,
  token: string,
  track: MediaStreamTrack,
): Promise<Session> {
  return begin(endpoint, token, (pc) => {
    pc.addTransceiver(track, { direction: "sendonly" });
  });
}

export function hear(
  endpoint: string,
  token: string,
  onTrack: (stream: MediaStream) => void,
): Promise<Session> {
  return begin(endpoint, token, (pc) => {
    pc.addEventListener("track", (event) => {
      onTrack(event.streams[0] ?? new MediaStream([event.track]));
    });
    pc.addTransceiver("audio", { direction: "recvonly" });
  });
}

async function begin(
  endpoint: string,
  token: string,
  prepare: (pc: RTCPeerConnection) => void,
): Promise<Session> {
  const authorization = { Authorization: `Bearer ${token}` };
  const servers = await knownServers(endpoint, authorization);
  const pc = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
  try {
    prepare(pc);
    await pc.setLocalDescription();
    await gathered(pc);
    const response = await timed(ANSWER_MS, (signal) =>
      fetch(endpoint, {
        method: "POST",
        headers: { ...authorization, "Content-Type": "application/sdp" },
        body: pc.localDescription?.sdp ?? "",
        signal,
      }),
    );
    if (response.status !== 201) throw await refusal(response);
    const location = response.headers.get("Location");
    if (!location) throw new Refusal(response.status, "no_location", "no Location");
    // Resolved against the address that answered (RFC 9725, section 4.2).
    const resource = new URL(location, response.url || endpoint).href;
    const answer = askOpus(await response.text(), BITRATE);
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    let ended = false;
    return {
      pc,
      async end(leaving = false) {
        if (ended) return;
        ended = true;
        pc.close();
        // Gone already, or out of reach: the other side notices by itself.
        await fetch(resource, {
          method: "DELETE",
          headers: authorization,
          keepalive: leaving,
        }).catch(() => undefined);
      },
    };
  } catch (error) {
    pc.close();
    throw error;
  }
}

/**
 * ICE servers must be known before candidates are gathered, and not every browser takes them
 * later, so they are asked for beforehand (RFC 9725, section 4.6). None is no error.
 */
async function knownServers(
  endpoint: string,
  headers: Record<string, string>,
): Promise<RTCIceServer[]> {
  const known = servers.get(endpoint);
  if (known) return known;
  try {
    const response = await timed(3_000, (signal) =>
      fetch(endpoint, { method: "OPTIONS", headers, signal }),
    );
    if (!response.ok) return [];
    const list = iceServers(response.headers.get("Link")).map((one) => ({ ...one }));
    servers.set(endpoint, list);
    return list;
  } catch {
    return [];
  }
}
const servers = new Map<string, RTCIceServer[]>();

function gathered(pc: RTCPeerConnection): Promise<void> {
  return new Promise((done) => {
    if (pc.iceGatheringState === "complete") return done();
    const timer = setTimeout(done, GATHER_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      done();
    });
  });
}

export async function timed<T>(ms: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  try {
    return await act(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** What the stage says in {"error", "says"}; another server may say something else. */
export async function refusal(response: Response): Promise<Refusal> {
  let code = "";
  let says = "";
  try {
    const body = (await response.json()) as { error?: unknown; says?: unknown };
    if (typeof body.error === "string") code = body.error;
    if (typeof body.says === "string") says = body.says;
  } catch {
    // No JSON: the status alone has to do.
  }
  return new Refusal(response.status, code, says);
}
