import assert from "node:assert/strict";
import { test } from "node:test";
import { type Caption, LINES, lookMs, readCaptions, shownAt, STAYS_MS } from "../src/event/said.ts";

const line = (n: number): Caption => ({
  from_ms: n * 2_000,
  to_ms: n * 2_000 + 1_500,
  text: `${n}`,
});
const said = Array.from({ length: 10 }, (_, n) => line(n));

test("captions are those of what is heard, not of what was said meanwhile", () => {
  assert.deepEqual(
    shownAt(said, 9_000).map((one) => one.text),
    ["2", "3", "4"],
  );
  assert.deepEqual(shownAt(said, -1), []);
  assert.equal(shownAt(said, 0).length, 1);
});

test("a caption that comes late is shown all the same, and goes when it is old", () => {
  const end = said.at(-1)?.to_ms ?? 0;
  assert.equal(shownAt(said, end + STAYS_MS - 1).length, LINES);
  assert.deepEqual(shownAt(said, end + STAYS_MS), []);
});

test("captions.json is read with care", () => {
  assert.equal(readCaptions(null), null);
  assert.equal(readCaptions({ cues: "x" }), null);
  const mixed = { cues: [[1, 2, "a"], [1, "2", "b"], null, [1, 2, ""], [3, 4, "<b>"]] };
  assert.deepEqual(
    readCaptions(mixed)?.map((one) => one.text),
    ["a", "<b>"],
  );
});

test("the larger the crowd, the fewer looks", () => {
  assert.ok(lookMs("low") < lookMs("plain") && lookMs("plain") < lookMs("long"));
});
