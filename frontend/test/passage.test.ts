import assert from "node:assert/strict";
import { test } from "node:test";
import { moved, outwards, readClock, writeClock } from "../src/site/passage.ts";

const PART = 640;
const LENGTH = 12_800;

test("a passage is rounded outwards to whole parts, within the recording", () => {
  const one = outwards({ from_ms: 700, to_ms: 1_281 }, PART, LENGTH);
  assert.deepEqual(one, { from_ms: 640, to_ms: 1_920 });
  assert.deepEqual(outwards({ from_ms: -5, to_ms: 99_999 }, PART, LENGTH), {
    from_ms: 0,
    to_ms: LENGTH,
  });
});

test("handles move by parts, and never cross", () => {
  const one = { from_ms: 1_280, to_ms: 2_560 };
  assert.equal(moved(one, "from_ms", 1, PART, LENGTH).from_ms, 1_920);
  assert.equal(moved(one, "from_ms", Infinity, PART, LENGTH).from_ms, 1_920);
  assert.equal(moved(one, "from_ms", -Infinity, PART, LENGTH).from_ms, 0);
  assert.equal(moved(one, "to_ms", -Infinity, PART, LENGTH).to_ms, 1_920);
  assert.equal(moved(one, "to_ms", Infinity, PART, LENGTH).to_ms, LENGTH);
});

test("times are written as they are read", () => {
  for (const ms of [0, 640, 1_280, 61_440, 3_723_500]) assert.equal(readClock(writeClock(ms)), ms);
  assert.equal(writeClock(3_723_500), "1:02:03.5");
  assert.equal(writeClock(1_280), "0:01.28");
  assert.equal(readClock("soon"), null);
  assert.equal(readClock("0:75"), null);
});
