import assert from "node:assert/strict";
import { test } from "node:test";
import {
  captions,
  columns,
  current,
  readAbout,
  readClips,
  readTime,
  readTranscript,
} from "../src/replay/about.ts";

test("a time in a link is read in all its forms", () => {
  assert.equal(readTime("90"), 90);
  assert.equal(readTime("1m30s"), 90);
  assert.equal(readTime("1h2m3s"), 3723);
  assert.equal(readTime("1:02:03"), 3723);
  assert.equal(readTime("soon"), null);
  assert.equal(readTime(""), null);
  assert.equal(readTime(null), null);
});

test("what holds a moment is the last that began", () => {
  assert.equal(current([0, 10, 20], 15), 1);
  assert.equal(current([5], 1), -1);
  assert.equal(current([], 1), -1);
  assert.equal(current([0, 10], 10), 1);
});

test("columns are the loudest of what they stand for", () => {
  assert.deepEqual(columns([0, 50, 100, 0], 2), [0.5, 1]);
  assert.deepEqual(columns([100], 3), [1, 1, 1]);
  assert.equal(columns([], 2).length, 2);
});

test("captions are short; a corrected line is one", () => {
  const words = Array.from({ length: 30 }, (_, i) => [`word${i}`, i * 100, i * 100 + 90, 1]);
  const lines = readTranscript({
    speakers: { a: "Asha" },
    lines: [
      { id: 0, who: "a", from_ms: 0, to_ms: 3000, text: "…", words },
      { id: 1, who: "a", from_ms: 4000, to_ms: 5000, text: "Right.", heard: "write", words: [] },
    ],
  });
  assert.equal(lines[0]?.who, "Asha");
  const shown = captions(lines);
  assert.ok(shown.every((caption) => caption.text.length <= 84));
  assert.equal(shown.at(-1)?.text, "Right.");
  assert.ok(shown.length >= 3);
});

test("what cannot be read is nothing", () => {
  assert.equal(readAbout({ peaks: 3 }), null);
  assert.equal(readAbout(null), null);
  assert.deepEqual(readTranscript("no"), []);
  assert.deepEqual(readClips({ clips: [{ url: "javascript:alert(1)", title: "x" }] }), []);
});
