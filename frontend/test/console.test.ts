import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FIGURES,
  KEPT_MS,
  readFigures,
  Rows,
  shades,
  summary,
  top,
  reach,
} from "../src/console/figures.ts";
import { readGate } from "../src/console/gate.ts";
import {
  type Entry,
  merged,
  MOST,
  ofCrowd,
  ofRoom,
  readLog,
  sentence,
} from "../src/console/log.ts";
import { climbs, givesOf, nameOf, returns, type Rung } from "../src/console/rungs.ts";
import type { Room } from "../src/studio/room.ts";
import { speaker } from "../src/text.ts";
import { console as en } from "../src/text/en.json";

const T = 1_790_000_000_000;
const t = speaker(en, "en", String);

function told(seconds: readonly number[], listening: readonly (number | null)[]) {
  const read = readFigures({
    now_ms: T,
    gates: { alive: 2, of: 2 },
    silent: [],
    at_ms: seconds.map((s) => T + s * 1000),
    figures: { listening },
  });
  assert.ok(read);
  return read;
}

test("figures are read with care: what is missing is unknown, another form is refused", () => {
  const read = told([0, 1], [5, null]);
  assert.deepEqual(read.columns.listening, [5, null]);
  assert.deepEqual(read.columns.p99_ms, [null, null]);
  assert.deepEqual(Object.keys(read.columns), [...FIGURES]);
  for (const wrong of [null, [], {}, { now_ms: 1 }, { now_ms: 1, at_ms: ["x"] }])
    assert.equal(readFigures(wrong), null);
});

test("rows are taken once, in order, for a quarter of an hour", () => {
  const rows = new Rows();
  rows.add(told([0, 1, 2], [1, 2, 3]));
  rows.add(told([1, 2, 3], [9, 9, 4]));
  assert.deepEqual(rows.columns.listening, [1, 2, 3, 4]);
  assert.equal(rows.last_ms, T + 3000);
  const late = KEPT_MS / 1000 + 2;
  rows.add(told([late], [7]));
  assert.equal(rows.at_ms[0], T + 3000);
  assert.equal(rows.now("listening"), 7);
});

test("a gap is not bridged by a line", () => {
  const rows = new Rows();
  rows.add(told([0, 1], [1, 2]));
  rows.add(told([30], [3]));
  assert.deepEqual(rows.columns.listening, [1, 2, null, 3]);
  assert.deepEqual(
    rows.at_ms.map((at) => (at - T) / 1000),
    [0, 1, 2, 30],
  );
});

test("the shaded times of a rung join up, and end where it changes", () => {
  const at = [0, 1, 2, 3, 4, 20].map((s) => T + s * 1000);
  assert.deepEqual(
    shades(at, [0, 1, 1, 2, null, 2]).map((s) => [
      (s.from_ms - T) / 1000,
      (s.to_ms - T) / 1000,
      s.value,
    ]),
    [
      [1, 3, 1],
      [3, 4, 2],
      [20, 21, 2],
    ],
  );
});

test("a plot in words: now, highest and when, lowest", () => {
  const at = [0, 1, 2].map((s) => T + s * 1000);
  assert.deepEqual(summary(at, [3, 9, 4]), { now: 4, most: 9, most_ms: T + 1000, least: 3 });
  assert.deepEqual(summary(at, [3, null, null])?.now, 3);
  assert.equal(summary(at, [null, null, null]), null);
});

test("the time axis reaches back a quarter of an hour, or less while less is known", () => {
  const minutes = (first: number | null, now = 60) => {
    const from = reach(first === null ? null : T + first * 60_000, T + now * 60_000);
    return (T + now * 60_000 - from) / 60_000;
  };
  assert.equal(minutes(null), 15);
  assert.equal(minutes(10), 15);
  assert.equal(minutes(53), 7);
  assert.equal(minutes(59.5), 3);
});

test("an axis ends at a round number above what it shows", () => {
  assert.equal(top(0, 10), 10);
  assert.equal(top(11, 10), 20);
  assert.equal(top(112_480, 10), 200_000);
  assert.equal(top(500, 10), 500);
  assert.equal(top(1.2, 1), 2);
});

const PLAIN: Rung = {
  effect: "plain",
  over: { cpu: 0.6, p99_ms: 250 },
  under: { cpu: 0.4, p99_ms: 125 },
  after_s: 5,
  back_after_s: 60,
  says: {},
};
const LATER: Rung = { ...PLAIN, effect: "later", over: {}, under: {} };

test("a rung says in words what climbs it and what leads back", () => {
  assert.equal(nameOf("plain", t), "Plain HLS");
  assert.equal(
    climbs(PLAIN, "en", t),
    "Climbed at CPU\u00a060\u00a0% or p99\u00a0250\u00a0ms, for 5\u00a0s.",
  );
  assert.equal(
    returns(PLAIN, "en", t),
    "Left below CPU\u00a040\u00a0% and p99\u00a0125\u00a0ms, after 60\u00a0s.",
  );
  assert.equal(climbs(LATER, "en", t), "By order only.");
  assert.equal(returns(LATER, "en", t), "");
  const attack = { ...PLAIN, over: { attack: 1 }, under: { attack: 1 } };
  assert.match(climbs(attack, "en", t), /an attack/);
  assert.match(returns(attack, "en", t), /no attack/);
  assert.match(givesOf("floor", 500, t), /until 500 are left/);
  assert.match(givesOf("floor", 0, t), /none was declared/);
  assert.equal(nameOf("teleport", t), "teleport");
});

test("what the gate tells of its rung: none, one, or nothing at all", () => {
  assert.equal(readGate({}).rung, null);
  assert.equal(readGate({}).certificate, null);
  assert.deepEqual(readGate({ rung: null }).rung, { n: 0, since_ms: 0, by: "load" });
  assert.deepEqual(readGate({ rung: { n: 3, since_ms: T, by: "force" } }).rung, {
    n: 3,
    since_ms: T,
    by: "force",
  });
  assert.equal(readGate({ certificate: null }).certificate, "none");
  assert.equal(readGate({ certificate: { seats: 5, notice: "" } }).certificate, "proven");
  assert.equal(readGate({ certificate: { seats: 5, notice: "x" } }).certificate, "outdated");
});

const entry = (kind: string, at_ms: number, by = "", data = {}): Entry => ({
  kind,
  at_ms,
  by,
  data,
});

test("what the room tells and what is written down are one list", () => {
  const room = {
    room: {
      live_since_ms: T,
      ended_ms: null,
      status: { text: "Soon", at_ms: T + 5 },
      ladder: { mode: "force", rung: 1, by: "Asha", at_ms: T + 9 },
    },
  } as unknown as Room;
  const written = readLog({
    entries: [
      { at_ms: T + 5, kind: "status", by: "Asha", data: { text: "Soon" } },
      { at_ms: T + 7, kind: "speaker_muted", by: "Asha", data: { name: "Bo" } },
      { at_ms: "soon", kind: "status" },
      null,
    ],
  });
  const both = merged(merged([], written), ofRoom(room));
  assert.deepEqual(
    both.map((one) => `${one.by}: ${sentence(one, [PLAIN], t, String)}`),
    [
      "Asha: Ladder ordered to “Plain HLS”",
      "Asha: Bo muted",
      "Asha: Line shown: “Soon”",
      ": On air",
    ],
  );
  const many = Array.from({ length: 500 }, (_, n) => entry("status", T + n));
  assert.equal(merged([], many).length, MOST);
  assert.equal(merged([], many)[0]?.at_ms, T + 499);
});

test("counts of note are the first of their size", () => {
  const at = [0, 1, 2, 3, 4, 5].map((s) => T + s * 1000);
  const noted = (listening: readonly (number | null)[]) =>
    ofCrowd(at, listening).map((one) => [(one.at_ms - T) / 1000, one.data["n"]]);
  assert.deepEqual(noted([0, 9, 12, null, 11, 60]), [
    [2, 10],
    [5, 50],
  ]);
  assert.deepEqual(noted([0, 120_000]), [[1, 100_000]]);
  assert.deepEqual(noted([700, 900, 1000]), [[2, 1000]]);
});

test("every kind that is of note has its sentence, and others none", () => {
  const told = (kind: string, data = {}) =>
    sentence(entry(kind, T, "", data), [PLAIN], t, () => "20:14");
  assert.equal(told("rung", { n: 1, by: "load" }), "Now on rung 1: Plain HLS");
  assert.match(told("rung", { n: 0 }), /any more/);
  assert.match(told("ladder", { mode: "auto", rung: 0 }), /released/);
  assert.match(told("ladder", { mode: "hold", rung: 0 }), /Everything as planned/);
  assert.match(told("status", { text: "" }), /away/);
  for (const kind of ["ended", "resumed", "recording_ready"]) assert.notEqual(told(kind), "");
  for (const kind of ["speaker_joined", "speaker_left", "speaker_unmuted", "speaker_removed"])
    assert.match(told(kind, { name: "Bo" }), /Bo/);
  assert.match(told("promise", { by_ms: T }), /by 20:14/);
  for (const kind of ["promise_kept", "promise_late"]) assert.notEqual(told(kind), "");
  assert.equal(told("crowd", { n: 500 }), "500 listening");
  assert.match(told("incident", { what: "The disk is full." }), /disk/);
  assert.equal(told("counts", { listening: 5 }), "");
});
