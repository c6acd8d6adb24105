import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EARLY_MS,
  EARLY_SPREAD_MS,
  earlyFrom,
  estimate,
  type InLine,
  moved,
  peopleAhead,
  aheadAt,
  look,
  PAUSE_MS,
  PAUSE_NEAR_MS,
  SETTLE_MOST_MS,
  SILENCE_MS,
  turn,
  wait,
  worthTelling,
} from "../src/event/line.ts";
import { Memory } from "../src/event/memory.ts";
import { passIn } from "../src/event/pass.ts";
import { beyond, told } from "../src/event/rungs.ts";
import {
  type Happening,
  knocks,
  type Model,
  queues,
  reduce,
  scene,
  start,
} from "../src/event/scene.ts";
import {
  type Effect,
  readServing,
  readState,
  readVerdict,
  type Rung,
  type Serving,
  type Wait,
} from "../src/event/state.ts";

const NOW = 1_795_000_000_000;

function verdict(more: Record<string, unknown> = {}): Wait {
  const read = readVerdict({
    verdict: "wait",
    number: 40,
    serving: 10,
    retry_after_ms: 5_000,
    place: "P",
    lane: "anyone",
    final: true,
    ahead: 29,
    estimate_s: null,
    ...more,
  });
  assert.equal(read?.verdict, "wait");
  return read as Wait;
}

const serving = serves;
function serves(more: Record<string, unknown> = {}): Serving {
  const read = readServing({
    event: "e",
    state: "live",
    now_ms: NOW,
    starts_ms: null,
    doors_ms: null,
    door: "open",
    serving: 10,
    lanes: { guest: 3, reminder: 0, member: 0, anyone: 10 },
    closed_upto: { guest: 3, reminder: 0, member: 0, anyone: 60 },
    joined: { guest: 3, reminder: 0, member: 0, anyone: 90 },
    waiting: 80,
    rate_per_s: 2,
    poll_ms: [2_000, 10_000],
    rung: null,
    status: null,
    promise_ms: null,
    ...more,
  });
  assert.ok(read);
  return read;
}

function state(phase: string, more: Record<string, unknown> = {}): Happening {
  const read = readState({ state: phase, now_ms: NOW, counts: {}, speakers: [], ...more });
  assert.ok(read);
  return { what: "state", state: read, now_ms: NOW };
}

const waits = (more: Record<string, unknown> = {}): Happening => ({
  what: "verdict",
  verdict: verdict(more),
  now_ms: NOW,
});
const play = (...happenings: Happening[]): Model =>
  happenings.reduce(reduce, start(null, false, null, 0.5));
const inLine = (more: Record<string, unknown> = {}): InLine => wait(verdict(more), null, NOW);

test("ahead are those before one in one's lane, and all who wait in lanes before it", () => {
  const busy = serving({
    lanes: { guest: 3, reminder: 5, member: 0, anyone: 10 },
    joined: { guest: 5, reminder: 9, member: 7, anyone: 90 },
  });
  assert.equal(peopleAhead({ lane: "anyone", number: 40 }, busy), 29 + 2 + 4 + 7);
  assert.equal(peopleAhead({ lane: "reminder", number: 6 }, busy), 0 + 2);
  assert.equal(peopleAhead({ lane: "guest", number: 4 }, busy), 0);
  assert.equal(peopleAhead({ lane: "guest", number: 2 }, busy), 0);
});

test("the estimate is those ahead and oneself over the measured rate, unknown while none is", () => {
  assert.equal(moved(inLine(), serving(), NOW, 0).estimate_s, 30 / 2);
  assert.equal(inLine({ estimate_s: 14.5 }).estimate_s, 15);
  // Who is next waits for a seat all the same.
  assert.equal(inLine({ number: 11, ahead: 0, estimate_s: 0 }).estimate_s, null);
  assert.equal(moved(inLine(), serving({ rate_per_s: 0 }), NOW, 0).estimate_s, null);
});

test("an estimate is said as precisely as it deserves", () => {
  assert.deepEqual(estimate(null), { unit: "unknown" });
  assert.deepEqual(estimate(0), { unit: "soon" });
  assert.deepEqual(estimate(44), { unit: "soon" });
  assert.deepEqual(estimate(50), { unit: "minutes", n: 1 });
  assert.deepEqual(estimate(170), { unit: "minutes", n: 3 });
  assert.deepEqual(estimate(23 * 60), { unit: "minutes", n: 25 });
  assert.deepEqual(estimate(58 * 60), { unit: "hours", n: 1 });
  assert.deepEqual(estimate(100 * 60), { unit: "hours", n: 1.5 });
  assert.deepEqual(estimate(1e6), { unit: "longer", n: 12 });
});

test("the door is knocked at when the number is called, not before", () => {
  const before = moved(inLine(), serving({ serving: 39, lanes: { anyone: 39 } }), NOW + 3_000, 0);
  assert.equal(turn(before, NOW + 3_000), false);
  const now = moved(inLine(), serving({ serving: 40, lanes: { anyone: 40 } }), NOW + 3_000, 0);
  assert.equal(now.called, true);
  assert.equal(turn(now, NOW + 3_000), true);
});

test("who is called and told to wait again knocks ever more slowly", () => {
  const called = moved(inLine(), serving({ lanes: { anyone: 40 } }), NOW, 0);
  const again = wait(verdict({ serving: 40 }), called, NOW);
  assert.equal(again.again, 1);
  assert.equal(turn(again, NOW + 1_999), false);
  assert.equal(turn(again, NOW + 2_000), true);
  const late = { ...again, again: 9 };
  assert.equal(turn(late, NOW + 7_999), false);
  assert.equal(turn(late, NOW + 8_000), true);
});

test("a bucket that closes asks for its numbers one after the other", () => {
  const open = inLine({ number: 70, final: false });
  assert.equal(moved(open, serving(), NOW, 0.5).settled_ms, null);
  const big = serving({ closed_upto: { anyone: 1_000_010 } });
  const settled = moved(open, big, NOW, 0.5);
  assert.equal(settled.settled_ms, NOW + SETTLE_MOST_MS / 2);
  assert.equal(turn({ ...settled, knocked_ms: 0 }, NOW + 10), false);
  // A later reading does not put it off.
  assert.equal(moved(settled, big, NOW + 5_000, 0.5).settled_ms, NOW + SETTLE_MOST_MS / 2);
  const small = moved(open, serving({ closed_upto: { anyone: 110 } }), NOW, 1);
  assert.equal(small.settled_ms, NOW + 20);
});

test("when serving.json is silent for a minute the door itself is asked", () => {
  assert.equal(turn(inLine(), NOW + SILENCE_MS - 1), false);
  assert.equal(turn(inLine(), NOW + SILENCE_MS), true);
});

test("looks are near when it may be one's turn soon", () => {
  // 2 × 10 s × 6/s = 120 people.
  const serving = (more = {}) => serves({ rate_per_s: 6, ...more });
  const near = { ...inLine(), ahead: 120 };
  const far = { ...near, ahead: 121 };
  // A gate that holds no looks: as often as it says, spread by a quarter.
  assert.deepEqual(look(near, serving(), 0.5), { wait_ms: 2_000, query: "" });
  // Where it hardly moves, a hundred people at least; and a small bucket may be called as a whole.
  const slow = serving({ rate_per_s: 0 });
  assert.equal(look({ ...near, ahead: 100 }, slow, 0.5).wait_ms, 2_000);
  assert.equal(look({ ...near, ahead: 101 }, slow, 0.5).wait_ms, 10_000);
  const open = { ...near, ahead: 5, final: false };
  const bucket = (size: number) => ({ closed_upto: { anyone: 90 }, joined: { anyone: 90 + size } });
  assert.equal(look(open, serving(bucket(120)), 0.5).wait_ms, 2_000);
  assert.equal(look(open, serving(bucket(121)), 0.5).wait_ms, 10_000);
  assert.equal(look(far, serving(), 0.5).wait_ms, 10_000);
  assert.equal(look(far, serving(), 0).wait_ms, 7_500);
  assert.equal(look(far, serving(), 1).wait_ms, 12_500);
  // One that does: at once, naming what was seen.
  const marked = serving({ mark: "a1" });
  const until = (number: number) => `?after=a1&until=3.${number}`;
  const back = { ...far, number: 2_011, ahead: 2_000 };
  assert.deepEqual(look(back, marked, 1), { wait_ms: PAUSE_MS, query: until(10 + 1_500) });
  // 6/s: who is 60 from the turn waits for nothing but that; the others for a quarter of the way.
  assert.deepEqual(look({ ...near, number: 70 }, marked, 1).query, until(70));
  assert.deepEqual(look({ ...near, number: 90 }, marked, 1).query, until(10 + 20));
  assert.deepEqual(look(near, marked, 1).wait_ms, PAUSE_NEAR_MS);
  const still = serving({ mark: "a1", rate_per_s: 0 });
  assert.deepEqual(look({ ...near, number: 12 }, still, 1).query, until(11));
  // Whoever is in the open bucket (numbers from 61 on) may be its first.
  assert.deepEqual(look({ ...back, final: false }, still, 1).query, until(10 + 12));
  assert.deepEqual(look(null, marked, 0), { wait_ms: 0, query: "?after=a1" });
});

test("between two looks the page counts on by itself, as far as the gate is silent", () => {
  const line = moved(inLine({ number: 90, ahead: 79 }), serving({ rate_per_s: 1 }), NOW, 0);
  assert.equal(line.ahead, 79);
  assert.equal(aheadAt(line, NOW + 900), 79);
  assert.equal(aheadAt(line, NOW + 5_000), 74);
  assert.equal(aheadAt(line, NOW + 60_000), 79 - 20, "a fourth of the way the gate would tell of");
  assert.equal(aheadAt(inLine(), NOW + 60_000), 29, "of the pace nothing is known");
  assert.equal(aheadAt(line, NOW - 5_000), 79);
});

test("pages that were open before do not stand in line all in one moment", () => {
  const doors = NOW + 3_600_000;
  const first = doors - EARLY_MS;
  assert.equal(earlyFrom(null, NOW, 0.5), null);
  assert.equal(earlyFrom(doors, NOW, 0.5), first + EARLY_SPREAD_MS / 2);
  assert.equal(earlyFrom(doors, first + 5, 0.5), first);
});

test("a screen reader hears what changes, not each step of thousands", () => {
  const at = (ahead: number, final = true) => ({ number: 40, final, ahead });
  assert.equal(worthTelling(at(30), null, 0), true);
  assert.equal(worthTelling(at(30), at(30, false), 0), true);
  assert.equal(worthTelling(at(1_000), at(1_050), 60_000), false);
  assert.equal(worthTelling(at(900), at(1_000), 29_000), false);
  assert.equal(worthTelling(at(900), at(1_000), 30_000), true);
  assert.equal(worthTelling(at(3), at(4), 5_000), true);
  assert.equal(worthTelling(at(3), at(3), 90_000), false);
});

test("an evening in line: early, shuffled, called, in", () => {
  const doors_ms = NOW + 10 * 60_000;
  const early = play(state("announced", { doors_ms }));
  assert.equal(scene(early, NOW), "announced");
  assert.equal(knocks(early, NOW), true);
  const standing = reduce(early, waits({ final: false }));
  assert.equal(scene(standing, NOW), "line");
  assert.equal(queues(standing), true);
  assert.equal(knocks(standing, NOW + 5_000), false);
  const open = reduce(standing, {
    what: "serving",
    serving: serving({ state: "doors", closed_upto: { anyone: 60 }, doors_ms }),
    now_ms: NOW + 5_000,
  });
  assert.equal(open.state?.phase, "doors");
  assert.equal(knocks(open, NOW + 5_010), true);
  // The place stays on the page while the door is asked.
  const asking = reduce(open, { what: "asking" });
  assert.equal(scene(asking, NOW), "line");
  const final = reduce(asking, waits({ number: 12, ahead: 1 }));
  assert.equal(final.place, "P");
  const admit = { verdict: "admit", ticket: "T", play: "/p" } as const;
  const inside = reduce(reduce(final, { what: "asking" }), {
    what: "verdict",
    verdict: admit,
    now_ms: NOW,
  });
  assert.equal(inside.door.at === "in" && inside.door.from_line, true);
  assert.equal(inside.place, null);
  assert.equal(queues(inside), false);
  assert.equal(scene(inside, NOW), "doors");
});

test("half an hour before the doors is soon enough", () => {
  const doors_ms = NOW + EARLY_MS + EARLY_SPREAD_MS;
  const model = play(state("announced", { doors_ms }));
  assert.equal(knocks(model, NOW), false);
  assert.equal(knocks(model, NOW + EARLY_SPREAD_MS + EARLY_SPREAD_MS / 2), true);
  assert.equal(knocks(play(state("announced")), NOW), false);
});

test("who came without a line is not told that the wait is over", () => {
  const admit = { verdict: "admit", ticket: "T", play: "/p" } as const;
  const model = play(
    state("live"),
    { what: "asking" },
    { what: "verdict", verdict: admit, now_ms: NOW },
  );
  assert.equal(model.door.at === "in" && model.door.from_line, false);
});

test("the network may go while one waits; the place stays", () => {
  const model = play(
    state("live"),
    waits(),
    { what: "asking" },
    {
      what: "no_verdict",
      retry_at_ms: NOW + 2_000,
    },
  );
  assert.equal(scene(model, NOW), "line");
  assert.equal(model.place, "P");
});

test("who leaves the line is out until asked for", () => {
  const left = play(state("live"), waits(), { what: "left" });
  assert.equal(scene(left, NOW), "left");
  assert.equal(left.place, null);
  assert.equal(knocks(left, NOW + 1e6), false);
  assert.equal(knocks(reduce(left, { what: "again" }), NOW), true);
});

test("a seat that was lost becomes a place in line", () => {
  const admit = { verdict: "admit", ticket: "T", play: "/p" } as const;
  const model = play(
    state("live"),
    { what: "verdict", verdict: admit, now_ms: NOW },
    { what: "turned_away" },
    { what: "asking" },
    waits(),
  );
  assert.equal(scene(model, NOW), "line");
  assert.equal(model.ticket, null);
});

test("each refusal has its scene, and only the passphrase is not asked for again", () => {
  const refuse = (reason: string): Happening => {
    const read = readVerdict({ verdict: "refuse", reason, retry_after_ms: 5_000 });
    assert.ok(read);
    return { what: "verdict", verdict: read, now_ms: NOW };
  };
  const bare = { verdict: "refuse", reason: "proof", retry_after_ms: 5_000 };
  assert.equal(readVerdict(bare), null);
  const asked = readVerdict({ ...bare, challenge: { parameters: {}, signature: "" } });
  assert.ok(asked);
  const working = play(state("live"), { what: "verdict", verdict: asked, now_ms: NOW });
  assert.equal(scene(working, NOW), "proof");
  // It knocks when the work is done, not before.
  assert.equal(knocks(working, NOW + 600_000), false);
  assert.equal(knocks(reduce(working, { what: "again" }), NOW), true);
  for (const reason of ["full", "closed", "reduced", "invite"]) {
    const model = play(state("live"), refuse(reason));
    assert.equal(scene(model, NOW), reason);
    assert.equal(knocks(model, NOW + 5_000), reason !== "invite", reason);
  }
  assert.equal(scene(play(state("announced"), refuse("not_open")), NOW), "announced");
  const out = reduce(
    { ...start("T", true), ...play(state("live")), ticket: "T" },
    refuse("reduced"),
  );
  assert.equal(out.ticket, null);
});

test("the line ends with the conversation", () => {
  const model = play(state("live"), waits(), state("ended"));
  assert.equal(scene(model, NOW), "preparing");
  assert.equal(queues(model), false);
});

const rung = (effects: Effect[], says = {}): Rung => ({
  n: 1,
  of: 8,
  effects,
  says,
  since_ms: NOW,
});

test("the newest rung is told, in the host's own words where there are any", () => {
  assert.deepEqual(told(rung(["plain", "long"]), "gu", null), {
    key: "rung_long",
    promise_ms: null,
  });
  assert.deepEqual(told(rung(["plain"], { en: "Easy now." }), "en", null), { own: "Easy now." });
  assert.deepEqual(told(rung(["plain"], { en: "Easy now." }), "hi", null), {
    key: "rung_plain",
    promise_ms: null,
  });
  assert.deepEqual(told(rung(["later"]), "en", NOW), { key: "rung_later", promise_ms: NOW });
  // No time is promised that nobody gave.
  assert.deepEqual(told(rung(["later"]), "en", null), { key: "rung_later_next", promise_ms: null });
});

test("what comes next are the plan's own rungs beyond the one stood on", () => {
  const ladder = ["plain", "long", "closed", "later", "unheard-of"];
  assert.deepEqual(beyond(ladder, null), ["plain", "long", "closed", "later"]);
  assert.deepEqual(beyond(ladder, rung(["plain", "long"])), ["closed", "later"]);
  assert.deepEqual(beyond(ladder, rung(["later"])), []);
});

test("serving.json is read with care", () => {
  for (const bad of [null, {}, { state: "live" }, { state: "x", serving: 1 }])
    assert.equal(readServing(bad), null);
  const bare = readServing({ state: "live", serving: 7 });
  assert.equal(bare?.serving.anyone, 7);
  assert.equal(bare?.joined.guest, 0);
  assert.equal(bare?.rate_per_s, 0);
  assert.equal(bare?.door, "open");
  const wild = serving({ poll_ms: [1, 2], rate_per_s: -4, rung: { effects: ["unheard-of"] } });
  assert.equal(wild.near_ms, 500);
  assert.equal(wild.far_ms, 500);
  assert.equal(wild.rate_per_s, 0);
  assert.equal(wild.rung, null);
});

test("the rung is read with the effects in their order", () => {
  const read = readState({
    state: "live",
    rung: {
      n: 2,
      of: 8,
      effects: ["long", "plain"],
      says: { en: "x", gu: 5, hi: "" },
      since_ms: 3,
    },
    counts: { listening: 5, refused: 2 },
    promise_ms: NOW,
  });
  assert.deepEqual(read?.rung, {
    n: 2,
    of: 8,
    effects: ["plain", "long"],
    says: { en: "x" },
    since_ms: 3,
  });
  assert.deepEqual(read?.counts, { in_line: null, refused: 2, peak: null, joined: null });
  assert.equal(read?.promise_ms, NOW);
});

test("a browser that keeps nothing still goes in", async () => {
  const memory = new Memory("e");
  memory.keepShared("place", "P");
  assert.equal(memory.shared("place"), null);
  assert.equal(memory.others(NOW), false);
  assert.equal(await memory.alone(() => Promise.resolve(5)), 5);
});

test("a pass is taken out of the address", () => {
  assert.equal(passIn("https://x.org/e/a?lang=gu#top"), null);
  assert.equal(passIn("https://x.org/e/a#pass="), null);
  assert.deepEqual(passIn("https://x.org/e/a?lang=gu#pass=AbC-_&remind"), {
    pass: "AbC-_",
    reminded: true,
    rest: "https://x.org/e/a?lang=gu",
  });
  assert.equal(passIn("https://x.org/e/a?pass=Q&lang=hi")?.rest, "https://x.org/e/a?lang=hi");
});
