import assert from "node:assert/strict";
import { test } from "node:test";
import { Heard, ServerClock } from "../src/event/heard.ts";
import { policy, pollMs, rate, rendition } from "../src/event/latency.ts";
import { loudness } from "../src/event/meter.ts";
import {
  DRAIN_MS,
  type Happening,
  knocks,
  type Model,
  plays,
  reduce,
  scene,
  start,
} from "../src/event/scene.ts";
import {
  type EventState,
  type Phase,
  readServing,
  readState,
  readVerdict,
} from "../src/event/state.ts";

const NOW = 1_795_000_000_000;
const ADMIT = { verdict: "admit", ticket: "T", play: "/live/e/T/master.m3u8" } as const;

function state(phase: Phase, more: Record<string, unknown> = {}): EventState {
  const read = readState({
    event: "e",
    slug: "s",
    title: "t",
    state: phase,
    starts_ms: null,
    doors_ms: null,
    live_since_ms: null,
    ended_ms: null,
    now_ms: NOW,
    speakers: [],
    counts: { listening: 1, admitted: 2, seats: 3 },
    status: null,
    latency: "low",
    replay: null,
    ...more,
  });
  assert.ok(read);
  return read;
}

function play(...happenings: Happening[]): Model {
  return happenings.reduce(reduce, start(null, false));
}
const told = (phase: Phase, more = {}): Happening => ({
  what: "state",
  state: state(phase, more),
  now_ms: NOW,
});
const admitted: Happening = { what: "verdict", verdict: ADMIT, now_ms: NOW };
const refused: Happening = {
  what: "verdict",
  verdict: { verdict: "refuse", reason: "full", retry_after_ms: 5_000 },
  now_ms: NOW,
};

test("an evening, scene by scene", () => {
  const replay = { url: "/live/e/replay.m4a", bytes: 5, duration_ms: 6 };
  assert.equal(scene(start(null, false), NOW), "loading");
  assert.equal(scene(play(told("announced")), NOW), "announced");
  assert.equal(scene(play(told("doors")), NOW), "doors");
  assert.equal(scene(play(told("doors"), refused), NOW), "full");
  assert.equal(scene(play(told("live"), refused), NOW), "full");
  assert.equal(scene(play(told("live"), admitted), NOW), "live");
  assert.equal(scene(play(told("ended")), NOW), "preparing");
  assert.equal(scene(play(told("ended", { replay })), NOW), "replay");
  assert.equal(scene(play(told("cancelled")), NOW), "cancelled");
});

test("nobody goes to the door before it opens or after the end", () => {
  for (const phase of ["announced", "ended", "cancelled"] as const) {
    assert.equal(knocks(play(told(phase)), NOW), false, phase);
  }
  assert.equal(knocks(start(null, true), NOW), false);
  assert.equal(knocks(play(told("doors")), NOW), true);
  assert.equal(knocks(play(told("live"), { what: "asking" }), NOW), false);
  assert.equal(knocks(play(told("live"), admitted), NOW), false);
});

test("who was refused asks again when told to, not before", () => {
  const model = play(told("live"), refused);
  assert.equal(knocks(model, NOW + 4_999), false);
  assert.equal(knocks(model, NOW + 5_000), true);
});

test("a ticket is kept for the way back in", () => {
  const model = play(told("live"), admitted, { what: "turned_away" });
  assert.equal(model.ticket, "T");
  assert.equal(knocks(model, NOW), true);
});

test("sound comes when it is wanted, admitted and live", () => {
  const wanted: Happening = { what: "wanted", wanted: true };
  assert.equal(plays(play(told("live"), admitted), NOW), false);
  assert.equal(plays(play(told("live"), wanted), NOW), false);
  assert.equal(plays(play(told("doors"), admitted, wanted), NOW), false);
  assert.equal(plays(play(told("doors"), admitted, wanted, told("live")), NOW), true);
});

test("a listener who is behind hears the end before the recording is shown", () => {
  const model = play(told("live"), admitted, { what: "sound", sound: "playing" }, told("ended"));
  assert.equal(scene(model, NOW + 2_000), "live");
  assert.equal(scene(reduce(model, { what: "sound", sound: "over" }), NOW + 2_000), "preparing");
  assert.equal(scene(model, NOW + DRAIN_MS), "preparing");
});

test("what the system does to the sound counts as the reader's will", () => {
  const wanted = play(
    told("live"),
    admitted,
    { what: "wanted", wanted: true },
    { what: "sound", sound: "playing" },
  );
  const paused = reduce(wanted, { what: "sound", sound: "paused" });
  assert.equal(paused.wanted, false);
  assert.equal(reduce(paused, { what: "sound", sound: "playing" }).wanted, true);
  assert.equal(reduce(wanted, { what: "sound", sound: "waiting" }).wanted, true);
  assert.equal(reduce(paused, { what: "sound", sound: "off" }).wanted, false);
});

test("a state that could not be read leaves what was there", () => {
  const model = play(told("live"), admitted, { what: "no_state" });
  assert.equal(model.lost, true);
  assert.equal(scene(model, NOW), "live");
  assert.equal(reduce(model, told("live")).lost, false);
});

test("what the gate says is read with care", () => {
  for (const bad of [null, 5, "x", [], {}, { state: "dancing" }])
    assert.equal(readState(bad), null);
  const odd = readState({
    state: "live",
    speakers: [null, { name: 5, level: 9 }],
    counts: "x",
    status: { text: "" },
  });
  assert.deepEqual(odd?.voices, [
    { name: "", here: false, muted: false, speaking: false, level: 1 },
  ]);
  assert.equal(odd?.listening, 0);
  assert.equal(odd?.status, null);
  assert.equal(odd?.latency, "low");
  for (const bad of [
    null,
    {},
    { verdict: "admit" },
    { verdict: "refuse", reason: "mood" },
    { verdict: "wait" },
    { verdict: "wait", place: "P" },
  ]) {
    assert.equal(readVerdict(bad), null);
  }
  assert.deepEqual(readVerdict({ verdict: "refuse", reason: "full", retry_after_ms: 0 }), {
    verdict: "refuse",
    reason: "full",
    retry_after_ms: 1000,
  });
});

test("whoever hears of the end by serving.json hears the rest all the same", () => {
  const serving = readServing({ event: "e", state: "ended", now_ms: NOW, serving: 0 });
  assert.ok(serving);
  const playing: Happening[] = [
    told("live"),
    { what: "wanted", wanted: true },
    admitted,
    { what: "sound", sound: "playing" },
    { what: "serving", serving, now_ms: NOW },
  ];
  assert.equal(scene(play(...playing), NOW + 1_000), "live");
  assert.equal(scene(play(...playing), NOW + DRAIN_MS), "preparing");
});

test("small crowds are close to the edge, large ones are calm", () => {
  assert.equal(policy("low"), policy("low"), "the same object, so that a change is seen");
  assert.notEqual(policy("low"), policy("low", "all"));
  assert.deepEqual(policy("long", "new"), { ...policy("long"), lean: "new" });
  assert.equal((policy("plain").target_s ?? 0) >= 3 * 1.92, true);
  assert.equal((policy("long").target_s ?? 0) >= 11.52 + 3, true);
});

test("state is asked for as often as the moment deserves", () => {
  assert.equal(pollMs("live", "low", true, null), 1_000);
  assert.equal(pollMs("live", "low", false, null), 3_000);
  assert.equal(pollMs("live", "plain", true, null), 5_000);
  assert.equal(pollMs("live", "long", true, null), 12_000);
  assert.equal(pollMs("announced", "low", true, 3_600_000), 60_000);
  assert.equal(pollMs("announced", "low", true, 100_000), 10_000);
  assert.equal(pollMs("announced", "low", true, -5), 2_000);
});

test("catching up is gentle, keeps a second in hand, and does not flutter", () => {
  assert.equal(rate(0.1, 5, 1), 1);
  assert.equal(rate(0.4, 5, 1), 1);
  assert.equal(rate(0.7, 5, 1), 1.05);
  assert.equal(rate(0.4, 5, 1.05), 1.05);
  assert.equal(rate(0.1, 5, 1.05), 1);
  assert.equal(rate(9, 5, 1), 1.1);
  assert.equal(rate(9, 0.9, 1.1), 1);
});

test("a thin line gets the lean rendition", () => {
  assert.equal(rendition(undefined, 0), "aac");
  assert.equal(rendition({ effectiveType: "4g" }, 3), "aac");
  assert.equal(rendition({ saveData: true }, 0), "opus");
  assert.equal(rendition({ effectiveType: "slow-2g" }, 0), "opus");
  assert.equal(rendition(undefined, 4), "opus");
});

test("who speaks is shown when it is heard", () => {
  const heard = new Heard();
  const voice = (name: string) => [{ name, here: true, muted: false, speaking: true, level: 1 }];
  assert.deepEqual(heard.at(NOW), []);
  heard.add(NOW, voice("Asha"));
  heard.add(NOW + 1_000, voice("Ravi"));
  heard.add(NOW + 500, voice("late and dropped"));
  assert.equal(heard.at(NOW + 999)[0]?.name, "Asha");
  assert.equal(heard.at(NOW + 1_000)[0]?.name, "Ravi");
  assert.equal(heard.at(NOW - 60_000)[0]?.name, "Asha");
  assert.equal(heard.at(NOW + 5_000)[0]?.speaking, true);
  // The state was not read for long: the names stay, and nobody is said to speak or to be silent.
  heard.add(NOW + 30_000, voice("Mira"));
  assert.deepEqual(heard.at(NOW + 5_001), [
    { name: "Ravi", here: true, muted: false, speaking: null, level: 0 },
  ]);
  assert.equal(heard.at(NOW + 25_999)[0]?.name, "Ravi");
  assert.equal(heard.at(NOW + 26_000)[0]?.name, "Mira");
  for (let i = 31; i < 200; i++) heard.add(NOW + i * 1_000, voice(String(i)));
  assert.equal(heard.at(NOW)[0]?.name, "110");
});

test("the server's clock is taken from the freshest reading", () => {
  const clock = new ServerClock();
  assert.equal(clock.offset_ms, 0);
  // Ours is 5 s late; states are up to a second old.
  clock.add(0, 20, 5_010 - 800);
  clock.add(1_000, 1_020, 6_010 - 10);
  clock.add(2_000, 2_020, 7_010 - 500);
  assert.equal(clock.offset_ms, 4_990);
  // A slow way back says nothing.
  clock.add(3_000, 5_000, 9_900);
  assert.equal(clock.offset_ms, 4_990);
});

test("loudness is 0 at -60 dBFS and 1 at full scale", () => {
  const square = (amplitude: number) => new Float32Array(100).fill(amplitude);
  assert.equal(loudness(square(1)), 1);
  assert.equal(loudness(square(0)), 0);
  assert.equal(Math.abs(loudness(square(0.001))) < 0.001, true);
  assert.equal(Math.abs(loudness(square(0.0316)) - 0.5) < 0.001, true);
});
