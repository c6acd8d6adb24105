// The few lines of SDP that we set ourselves.

/**
 * What the other side asks of our Opus encoder (RFC 7587, section 6.1), written into its
 * answer before it is applied: mono, in-band FEC, no DTX (a mixer wants every frame), and a
 * bit rate at which a voice is clean.
 */
export function askOpus(sdp: string, bitrate: number): string {
  const payload = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (payload === undefined) return sdp;
  const asked = new Map<string, string>([
    ["minptime", "10"],
    ["stereo", "0"],
    ["sprop-stereo", "0"],
    ["useinbandfec", "1"],
    ["usedtx", "0"],
    ["maxaveragebitrate", String(bitrate)],
  ]);
  const fmtp = new RegExp(`^a=fmtp:${payload} .*$`, "m");
  const line = `a=fmtp:${payload} ${[...asked].map(([k, v]) => `${k}=${v}`).join(";")}`;
  if (fmtp.test(sdp)) return sdp.replace(fmtp, line);
  return sdp.replace(new RegExp(`^a=rtpmap:${payload} .*$`, "m"), (map) => `${map}\r\n${line}`);
}

export interface IceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** ICE servers of a Link header (RFC 9725, section 4.6). What is not one is passed over. */
export function iceServers(link: string | null): IceServer[] {
  const servers: IceServer[] = [];
  const one = /<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]+))*)/g;
  for (const [, url = "", rest = ""] of (link ?? "").matchAll(one)) {
    const about = new Map<string, string>();
    for (const [, name = "", quoted, token] of rest.matchAll(
      /;\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+))/g,
    )) {
      about.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token ?? "");
    }
    if (about.get("rel") !== "ice-server" || !/^(stun|turn)s?:/.test(url)) continue;
    const username = about.get("username");
    const credential = about.get("credential");
    servers.push({
      urls: url,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    });
  }
  return servers;
}
