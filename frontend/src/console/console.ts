// The operators' page: the ladder, four plots over a quarter of an hour, the log, and what the
// host may do. Each part keeps itself; this file brings them what stage, gate and site tell.

import { byId, config as readConfig, h, say, set, show } from "../dom.ts";
import { type EventState, readState } from "../event/state.ts";
import { clock, writeNumber, writeSize } from "../format.ts";
import { confirms } from "../studio/dialog.ts";
import { keepToken } from "../studio/fragment.ts";
import { Lamp } from "../studio/lamp.ts";
import { type Room, RoomLink } from "../studio/room.ts";
import { Tiles } from "../studio/tiles.ts";
import { asLang } from "../text.ts";
import { Refusal, refusal, timed } from "../whip.ts";
import { Acts } from "./acts.ts";
import { type Config, makeConsole, timeOn } from "./context.ts";
import { type FigureName, readFigures, Rows, type Told } from "./figures.ts";
import { type GateTold, readGate } from "./gate.ts";
import { Incident, readIncident } from "./incident.ts";
import { Ladder } from "./ladder.ts";
import { Log, ofCrowd, ofGate, ofRoom, readLog } from "./log.ts";
import { Plots } from "./plots.ts";

const config = readConfig<Config>();
const context = makeConsole(config, asLang(document.documentElement.lang));
const { t, locale, studio } = context;
const token = decodeURIComponent(location.hash.slice(1)) || (config.token ?? "");
const POLL_MS = 1_000;
const AGAIN_MS = 3_000;
const PATIENCE_MS = 6_000;
/** Figures older than this are not "now" any more. */
const STALE_MS = 6_000;

let state: EventState | null = null;
let gate: GateTold | null = null;
let room: Room | null = null;
let told: Told | null = null;
let lost = false;
let missed = 0;
let offset = 0;
const rows = new Rows();

interface Figure {
  readonly root: HTMLElement;
  readonly value: HTMLElement;
}
function figure(label: string, large = false): Figure {
  const value = h("dd", { class: "number" }, t("noCounts"));
  return {
    root: h("div", { class: large ? "figure large" : "figure" }, h("dt", {}, label), value),
    value,
  };
}
const figures = {
  listening: figure(t("listening"), true),
  inLine: figure(t("inLine"), true),
  admitted: figure(t("admitted"), true),
  peak: figure(t("peak")),
  joined: figure(t("joined")),
  refused: figure(t("refused")),
  state: figure(t("state")),
  since: figure(t("since")),
  latency: figure(t("latency")),
  recording: figure(t("recording")),
};

const incidentPath = `${config.incident}?lang=${context.lang}`;
const link = new RoomLink(config.stage, config.event, token, {
  room(now) {
    if (lost) show(trouble, false);
    lost = false;
    room = now;
    log.add(ofRoom(now));
    draw();
  },
  lost() {
    lost = true;
    say(trouble, studio.t("unreachable"));
    show(trouble, true);
  },
  closed() {
    show(keys, true);
    room = null;
    draw();
  },
});
const ladder = new Ladder(context, async (mode, rung) => {
  await act("POST", "ladder", { mode, rung });
});
const plots = new Plots(context);
const log = new Log(context);
const incident = new Incident(context, async (open) => {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const body = JSON.stringify({ open });
  const answer = await timed(PATIENCE_MS, (signal) =>
    fetch(incidentPath, { method: "POST", headers, body, signal }),
  );
  if (!answer.ok) say(trouble, studio.t("busy", { code: answer.status }));
  show(trouble, !answer.ok);
});
const tiles = new Tiles(studio, {
  mute: (voice, muted) => {
    const [ask, text] = muted
      ? [t("muteAsk", { name: voice.name }), t("muteText")]
      : [t("unmuteAsk", { name: voice.name }), t("unmuteText")];
    const yes = muted ? studio.t("mute") : studio.t("unmute");
    void confirms(ask, text, yes, studio.t("cancel")).then((sure) =>
      sure ? act("POST", `speakers/${voice.id}/mute`, { muted }) : undefined,
    );
  },
  remove: (voice) =>
    void confirms(
      studio.t("removeAsk", { name: voice.name }),
      t("removeText"),
      studio.t("remove"),
      studio.t("cancel"),
    ).then((sure) => (sure ? act("DELETE", `speakers/${voice.id}`) : undefined)),
});
const acts = new Acts(context, {
  goLive: () => act("POST", "live"),
  status: (text) => act("POST", "status", { text }),
  end: () => act("POST", "end", undefined, 60_000),
});
const lamp = new Lamp(byId("lamp"), {
  on: studio.t("onAir"),
  off: studio.t("offAir"),
  over: studio.t("ended"),
});

const trouble = h("p", { class: "notice", role: "alert", hidden: true });
const gatesTrouble = h("p", { class: "notice", role: "status", hidden: true });
const certificate = h("p", { class: "notice", hidden: true });
const updated = h("p", { class: "soft number" });
const keys = h(
  "div",
  { class: "notice", hidden: true },
  h("p", {}, t("keys")),
  h("p", {}, t("keysText")),
);
const links = h(
  "section",
  { class: "section stack tight" },
  h("h2", {}, t("pagesLinks")),
  h(
    "ul",
    { class: "quiet-list stack tight" },
    h("li", {}, h("a", { href: config.page }, t("page"))),
    h(
      "li",
      {},
      h(
        "a",
        { href: `${config.web}/studio/${config.event}${token ? `#${token}` : ""}` },
        t("studio"),
      ),
    ),
    config.manage ? h("li", {}, h("a", { href: config.manage }, studio.t("manage"))) : null,
  ),
);
const roomSection = h(
  "section",
  { class: "section stack", hidden: true },
  h("h2", {}, studio.t("room")),
  tiles.root,
);
const plotsSection = h(
  "section",
  { class: "stack", "aria-labelledby": "plots-title" },
  h("h2", { id: "plots-title", class: "visually-hidden" }, t("plots")),
  gatesTrouble,
  plots.root,
  h("p", { class: "help" }, t("shaded")),
);
byId("console").replaceChildren(
  h(
    "div",
    { class: "console-grid" },
    h(
      "div",
      { class: "console-now stack" },
      trouble,
      keys,
      certificate,
      h(
        "dl",
        { class: "figures" },
        figures.listening.root,
        figures.inLine.root,
        figures.admitted.root,
      ),
    ),
    h("div", { class: "console-acts" }, acts.root),
    h("div", { class: "console-ladder stack wide" }, ladder.root),
    h(
      "div",
      { class: "console-plots stack wide" },
      plotsSection,
      h(
        "dl",
        { class: "figures small" },
        figures.peak.root,
        figures.joined.root,
        figures.refused.root,
        figures.state.root,
        figures.since.root,
        figures.latency.root,
        figures.recording.root,
      ),
      updated,
      roomSection,
    ),
    h("div", { class: "console-side stack wide" }, incident.root, log.root, links),
  ),
);

/** Whether it was done; what stood in the way is said. */
async function act(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  patience?: number,
): Promise<boolean> {
  try {
    await link.act(method, path, body, patience);
    show(trouble, false);
    return true;
  } catch (error) {
    const says =
      error instanceof Refusal
        ? error.message || studio.t("busy", { code: error.status })
        : studio.t("unreachable");
    say(trouble, studio.t("failed", { says }));
    show(trouble, true);
    return false;
  }
}

function draw(): void {
  const now = Date.now() + offset;
  const fresh = missed < 3 ? state : null;
  const more = missed < 3 ? gate : null;
  const number = (n: number | null | undefined) =>
    n === undefined || n === null ? t("noCounts") : writeNumber(n, locale);
  // All machines together and exact, if the gates tell; else what the pages are told.
  const newest = (name: FigureName) => (now - rows.last_ms < STALE_MS ? rows.now(name) : null);
  say(figures.listening.value, number(newest("listening") ?? fresh?.listening));
  say(figures.inLine.value, number(newest("in_line") ?? more?.in_line));
  const admitted = newest("admitted") ?? fresh?.admitted;
  say(
    figures.admitted.value,
    fresh && admitted !== undefined
      ? t("ofSeats", { n: admitted, seats: fresh.seats })
      : number(admitted),
  );
  say(figures.peak.value, number(more?.peak));
  say(figures.joined.value, number(more?.joined));
  say(figures.refused.value, number(more?.refused));
  say(figures.state.value, fresh ? t(fresh.phase) : t("unknown"));
  say(
    figures.latency.value,
    !fresh ? t("noCounts") : fresh.latency === "low" ? t("latencyLow") : t("latencyPlain"),
  );
  const replay = fresh?.replay ?? null;
  say(
    figures.recording.value,
    replay
      ? t("recordingReady", { size: writeSize(replay.bytes, locale) })
      : more?.promise_ms
        ? t("recordingBy", { time: timeOn(context, more.promise_ms) })
        : t("recordingNot"),
  );
  if (fresh) say(updated, t("updated", { time: timeOn(context, fresh.now_ms, true) }));
  const proof = more?.certificate ?? null;
  show(certificate, proof === "none" || proof === "outdated");
  if (fresh)
    say(
      certificate,
      proof === "outdated"
        ? t("oldCertificate", { n: fresh.seats })
        : t("noCertificate", { n: fresh.seats }),
    );
  const since = fresh?.live_since_ms ?? null;
  const until = fresh?.phase === "ended" ? (fresh.ended_ms ?? now) : now;
  say(figures.since.value, since === null ? t("noCounts") : clock((until - since) / 1000));
  const phase = fresh?.phase === "live" ? "live" : fresh?.phase === "ended" ? "ended" : "off";
  const heard = phase === "live" && fresh ? studio.t("listening", { n: fresh.listening }) : "";
  lamp.update(phase, since, until, heard);
  const host = room !== null && room.you.role !== "speaker";
  ladder.update(more?.rung ?? null, room?.room.ladder ?? null, host && phase !== "ended");
  show(roomSection, room !== null);
  show(acts.root, host);
  set(document.body, { "data-on-air": phase === "live" });
  if (!room) return;
  tiles.update(room, null, false);
  acts.update(room);
}

async function poll(): Promise<void> {
  try {
    const response = await fetch(`${config.gate}/live/${config.event}/state.json`);
    const raw: unknown = response.ok ? await response.json() : null;
    const read = readState(raw);
    if (!read) throw new Error(`state ${response.status}`);
    state = read;
    gate = readGate(raw);
    if (gate.rung) log.add(ofGate(gate.rung));
    missed = 0;
    if (read.now_ms > 0) offset = read.now_ms - Date.now();
  } catch {
    missed++;
  }
  draw();
  window.setTimeout(() => void poll(), POLL_MS);
}

/** What this site tells the host at `path`. Throws a Refusal, or a TypeError when out of reach. */
async function ask(path: string): Promise<unknown> {
  const response = await timed(PATIENCE_MS, (signal) =>
    fetch(path, {
      headers: { Authorization: `Bearer ${token}` },
      cache: "no-store",
      signal,
    }),
  );
  if (!response.ok) throw await refusal(response);
  return response.json();
}

const closed = (error: unknown) =>
  error instanceof Refusal && [401, 403, 404].includes(error.status);

async function follow(): Promise<void> {
  let wait_ms = POLL_MS;
  try {
    const read = readFigures(await ask(`${config.figures}?since=${rows.last_ms}`));
    if (!read) throw new TypeError("not figures");
    told = read;
    rows.add(read);
    plots.update(rows, read.now_ms);
    log.add(ofCrowd(rows.at_ms, rows.columns.listening));
    const lacking = read.silent.length > 0 || read.alive < read.of;
    if (lacking)
      say(
        gatesTrouble,
        read.silent.length > 0
          ? t("gatesSilent", { where: read.silent.join(", ") })
          : t("gatesDown", { alive: read.alive, of: read.of }),
      );
    show(gatesTrouble, lacking);
  } catch (error) {
    wait_ms = AGAIN_MS;
    if (closed(error)) {
      show(plotsSection, false);
      return;
    }
    say(gatesTrouble, error instanceof Refusal ? t("gatesNone") : t("siteSilent"));
    show(gatesTrouble, true);
    if (rows.last_ms > 0) plots.update(rows, Date.now() + offset);
  }
  window.setTimeout(() => void follow(), wait_ms);
}

async function readOn(): Promise<void> {
  try {
    log.add(readLog(await ask(`${config.log}?after=${log.after}`)));
  } catch (error) {
    if (closed(error)) return;
  }
  window.setTimeout(() => void readOn(), AGAIN_MS);
}

async function readIncidents(): Promise<void> {
  try {
    const told = readIncident(await ask(incidentPath));
    if (told !== undefined) incident.tell(told, told ? timeOn(context, told.from_ms) : "");
  } catch (error) {
    if (closed(error)) return;
  }
  window.setTimeout(() => void readIncidents(), AGAIN_MS);
}

window.samvad = {
  stats: () => ({ state, room, missed, gate, figures: told, rows: rows.at_ms.length }),
};
window.addEventListener("hashchange", () => location.reload());
keepToken();
if (token === "") {
  show(keys, true);
  show(plotsSection, false);
} else {
  link.start();
  void follow();
  void readOn();
  void readIncidents();
}
void poll();
