import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, jittered } from "../src/backoff.ts";
import { iCalendar } from "../src/calendar.ts";
import { countdown } from "../src/countdown.ts";
import { initials } from "../src/people.ts";
import { Stalled } from "../src/event/stalled.ts";
import { EventStream } from "../src/sse.ts";

test("the countdown shows a started second until it is over", () => {
  const at = Date.UTC(2026, 10, 26);
  assert.deepEqual(countdown(at, at - 8_073_000), {
    days: 0,
    clock: "02:14:33",
    iso: "P0DT2H14M33S",
    next_ms: 1000,
  });
  assert.equal(countdown(at, at - 8_072_001)?.clock, "02:14:33");
  assert.equal(countdown(at, at - 8_072_000)?.clock, "02:14:32");
  assert.equal(countdown(at, at - 1)?.clock, "00:00:01");
  assert.equal(countdown(at, at), null);
  assert.equal(countdown(at, at + 5), null);
  assert.equal(countdown(Number.NaN, at), null);
});

test("stops in the sound are told late, together, and once a minute", () => {
  const stalled = new Stalled();
  assert.equal(stalled.due({ stalls: 0, stalled_ms: 0 }, 0, 0.5), null);
  assert.equal(stalled.due({ stalls: 1, stalled_ms: 300 }, 1_000, 0.5), null);
  assert.equal(stalled.due({ stalls: 2, stalled_ms: 500 }, 15_999, 0), null);
  assert.deepEqual(stalled.due({ stalls: 2, stalled_ms: 500 }, 16_000, 0), {
    stalls: 2,
    stalled_ms: 500,
  });
  assert.equal(stalled.due({ stalls: 2, stalled_ms: 500 }, 100_000, 0), null);
  const soon = { stalls: 3, stalled_ms: 900 };
  assert.deepEqual(stalled.due(soon, 100_000, 0), { stalls: 1, stalled_ms: 400 });
  assert.equal(stalled.due({ stalls: 4, stalled_ms: 950 }, 101_000, 0), null);
  assert.equal(stalled.due({ stalls: 4, stalled_ms: 950 }, 159_999, 0), null);
  assert.notEqual(stalled.due({ stalls: 4, stalled_ms: 950 }, 160_000, 0), null);
});

test("days are counted apart from the clock", () => {
  const left = countdown(86_400_000 * 3 + 3_600_000, 0);
  assert.equal(left?.days, 3);
  assert.equal(left?.clock, "01:00:00");
});

test("the countdown says when its second changes", () => {
  assert.equal(countdown(10_000, 0)?.next_ms, 1000);
  assert.equal(countdown(10_000, 250)?.next_ms, 750);
  assert.equal(countdown(10_000, 250 + 750)?.clock, "00:00:09");
});

test("waits double up to the most, and are spread over their upper half", () => {
  assert.equal(backoff(0, 500, 8_000, 1), 500);
  assert.equal(backoff(0, 500, 8_000, 0), 250);
  assert.equal(backoff(3, 500, 8_000, 1), 4_000);
  assert.equal(backoff(9, 500, 8_000, 1), 8_000);
  assert.equal(backoff(5_000, 500, 8_000, 0), 4_000);
  assert.equal(jittered(1_000, 0), 1_000);
  assert.equal(jittered(1_000, 1), 1_250);
});

test("event streams are read however they are cut", () => {
  const text =
    ":\n\ndata: one\n\ndata: two\r\ndata:three\r\n\r\nevent: x\ndata: four\n\ndata: half";
  const whole = new EventStream().feed(text);
  assert.deepEqual(whole, ["one", "two\nthree", "four"]);
  for (let cut = 1; cut < 12; cut++) {
    const stream = new EventStream();
    const got: string[] = [];
    for (let at = 0; at < text.length; at += cut)
      got.push(...stream.feed(text.slice(at, at + cut)));
    assert.deepEqual(got, whole, `cut every ${cut}`);
  }
});

test("initials are whole letters of any script", () => {
  assert.equal(initials("Asha Trivedi"), "AT");
  assert.equal(initials("  ravi  "), "R");
  assert.equal(initials("હેત્વી પટેલ"), "હેપ");
  assert.equal(initials("जावेद अख़्तर")[0], "ज");
  assert.equal(initials("Tomás de Ó Briain"), "TB");
  assert.equal(initials(""), "?");
});

test("an appointment keeps to RFC 5545: CRLF, 75 octets, escapes", () => {
  const text = iCalendar({
    uid: "abc@example.org",
    title: "Rain; rivers, and \\ what વરસાદ વરસાદ વરસાદ વરસાદ વરસાદ remembers",
    url: "https://example.org/e/rain",
    starts_ms: Date.UTC(2026, 10, 27, 1),
    stamp_ms: Date.UTC(2026, 10, 23, 7, 5, 6),
  });
  assert.match(text, /\r\nDTSTART:20261127T010000Z\r\n/);
  assert.match(text, /\r\nDTSTAMP:20261123T070506Z\r\n/);
  assert.equal(text.includes("\n") && !/[^\r]\n/.test(text), true);
  for (const line of text.split("\r\n"))
    assert.equal(new TextEncoder().encode(line).length <= 75, true, line);
  const unfolded = text.replaceAll("\r\n ", "");
  assert.match(unfolded, /SUMMARY:Rain\\; rivers\\, and \\\\ what (વરસાદ ){5}remembers\r\n/);
});
