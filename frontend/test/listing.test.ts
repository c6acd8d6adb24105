import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "../src/event/lean.ts";
import { type Entry, Listing, named, readNames, readPlaylist } from "../src/event/listing.ts";

const AT_MS = Date.parse("2026-09-21T13:33:20.000Z");

/** The gate's playlist of segments `from` to before `to`, of one rendition. */
function playlist(from: number, to: number, rendition = "a", more: string[] = []): string {
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:6",
    "#EXT-X-TARGETDURATION:2",
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.92,HOLD-BACK=6",
    `#EXT-X-MEDIA-SEQUENCE:${from}`,
    "#EXT-X-DISCONTINUITY-SEQUENCE:2",
    `#EXT-X-MAP:URI="../../m/init-${rendition}.mp4"`,
  ];
  for (let msn = from; msn < to; msn++) {
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(AT_MS + msn * 1920).toISOString()}`);
    lines.push(`#EXT-X-PART:DURATION=0.64,URI="../../m/p${msn}.m4s",INDEPENDENT=YES`);
    lines.push("#EXTINF:1.92,", `../../m/${rendition}${msn}.m4s`);
  }
  return [...lines, ...more, ""].join("\n");
}

function names(first: number, ready: number, got_ms: number, rendition = "a", parts = 0) {
  const count = (n: number, what: string, from: number) =>
    Array.from({ length: n }, (_, i) => `${rendition}${what}${from + i}`);
  const long_first = Math.ceil(first / 3);
  const text = JSON.stringify({
    discontinuity: 2,
    init: `init-${rendition}`,
    at_ms: AT_MS + first * 1920,
    ready,
    parts,
    plain: { first, names: count(ready + 33, "", first) },
    long: { first: long_first, names: count(14, "L", long_first) },
    pair: { first: Math.ceil(first / 6), names: count(7, "P", Math.ceil(first / 6)) },
    again_s: 45,
  });
  const read = readNames(text, got_ms);
  assert.ok(read);
  return read;
}

function take(listing: Listing, text: string): boolean {
  const told = readPlaylist(text, listing.init);
  assert.ok(told);
  return listing.absorb(told);
}

const lean = { blocks: true, parts: false, open: [], ended: false };
const numbers = (text: string) => ({
  first: Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]),
  uris: text
    .split("\n")
    .filter((line) => line.endsWith(".m4s"))
    .map((line) => line.replace("../../m/", "").replace(".m4s", "")),
});

test("down to long segments and up again, one list whose numbers go on", () => {
  const feed = new Feed("low", "aac", () => assert.fail());
  const { listing } = feed;
  assert.ok(take(listing, playlist(10, 16)));
  assert.equal(listing.next, 16);
  assert.equal(listing.straight, true);
  const seen = new Map<number, string>();
  const look = (text: string) => {
    const { first, uris } = numbers(text);
    uris.forEach((uri, i) => {
      assert.equal(seen.get(first + i) ?? uri, uri, "a number is always the same segment");
      seen.set(first + i, uri);
    });
    return uris;
  };
  look(listing.text(lean));
  feed.latency = "plain";
  let now = 1_000_000;
  let told = names(6, 11, now);
  let listed = feed.list(told, now + 2 * 1920);
  assert.equal(listed?.grown, true);
  assert.equal(look(listing.text(lean)).includes("a17"), true);
  assert.equal(listing.straight, true);
  feed.latency = "long";
  now += 60_000;
  told = names(14, 14, now);
  listed = feed.list(told, now);
  const uris = look(listing.text(lean));
  const at = uris.findIndex((uri) => uri.startsWith("aL"));
  assert.ok(at > 0, "long ones begin where three begin");
  assert.ok(uris.slice(0, at).every((uri) => !uri.includes("L")));
  assert.equal(listing.straight, false);
  // And up again: parts of the ordinary playlist, under our numbers.
  feed.latency = "low";
  const next = listing.next ?? 0;
  assert.ok(take(listing, playlist(next - 3, next + 2)));
  look(listing.text({ ...lean, parts: true, open: ["#EXT-X-PART:x"] }));
  const sn = [...seen.keys()].reduce((a, b) => Math.max(a, b)) + 1;
  assert.equal(listing.gate_msn(sn), next + 2, "a blocking reload asks in the gate's numbers");
  assert.equal(listing.gate_msn(sn + 1), next + 3);
});

test("pairs are for who is far enough behind", () => {
  let behind_s = 0;
  const feed = new Feed(
    "long",
    "aac",
    () => assert.fail(),
    () => behind_s,
  );
  const told = names(8, 14, 0);
  const listed = (now: number) => {
    feed.list(told, now);
    return numbers(feed.listing.text(lean)).uris.map((uri) => uri.slice(1));
  };
  assert.deepEqual(listed(3_500), ["L3", "L4", "L5", "L6"]);
  behind_s = 16;
  const later = listed(60_000);
  assert.deepEqual(later.slice(0, 6), ["L3", "L4", "L5", "L6", "L7", "P4"]);
});

test("a segment is listed when it is whole and its time has come, spread over the crowd", () => {
  const told = names(100, 10, 5_000, "a", 2);
  const whole = named(told, 109, 1, 0);
  const open = named(told, 110, 1, 0);
  assert.equal(whole?.due_ms, 5_000 - 2 * 640);
  assert.equal(open?.due_ms, 5_000 + 1920 - 2 * 640, "two of its three parts are there");
  assert.equal(named(told, 110, 1, 0.5)?.due_ms, 5_000 + 1920 * 1.5 - 2 * 640);
  const long = named(told, 108, 3, 0.5);
  assert.equal(long?.entry.uri, "../../m/aL36.m4s");
  assert.equal(long?.entry.to, 111);
  assert.equal(long?.due_ms, 5_000 + 1920 * 1 - 2 * 640 + 0.5 * 5760);
  assert.equal(named(told, 109, 3, 0)?.entry.duration_s, 1.92);
  const pair = named(told, 108, 6, 0.5);
  assert.equal(pair?.entry.uri, "../../m/aP18.m4s");
  assert.equal(pair?.entry.to, 114);
  assert.equal(pair?.due_ms, 5_000 + 1920 * 4 - 2 * 640 + 0.5 * 11_520);
  assert.equal(named(told, 111, 6, 0)?.entry.to, 114, "a long one leads to where a pair begins");
  assert.equal(named({ ...told, pair: [] }, 108, 6, 0)?.entry.to, 111);
  assert.equal(named(told, 143, 1, 0), null, "beyond what was told");
  assert.equal(named(told, 99, 1, 0), null, "before it");
  assert.equal(whole?.entry.at_ms, AT_MS + 109 * 1920);
});

test("another codec in mid-stream is another init under numbers that go on", () => {
  const listing = new Listing();
  take(listing, playlist(10, 14));
  take(listing, playlist(11, 16, "o"));
  assert.equal(listing.straight, false);
  const text = listing.text(lean);
  assert.deepEqual(numbers(text).uris, ["a10", "a11", "a12", "a13", "o14", "o15"]);
  assert.equal(text.split("#EXT-X-MAP").length, 3);
  assert.equal(text.includes("#EXT-X-DISCONTINUITY\n"), false);
});

test("what was told and does not come stays under its number, as missing", () => {
  const faults: string[] = [];
  const feed = new Feed("plain", "aac", (why) => faults.push(why));
  const { listing } = feed;
  take(listing, playlist(10, 14));
  feed.learn(names(8, 6, 0));
  feed.list(names(8, 6, 0), 10_000);
  const before = numbers(listing.text(lean));
  assert.ok((listing.next ?? 0) > 16);
  feed.surprise("../../m/a15.m4s");
  assert.equal(listing.text(lean).includes("GAP"), false, "a gate may have just begun");
  feed.surprise("../../m/a15.m4s");
  assert.equal(listing.next, 15);
  assert.equal(feed.names, null);
  assert.equal(feed.wantsNames(performance.now()), false, "the playlist is read instead");
  // The encoder has begun anew: what it makes follows, and no number means another segment.
  const anew = playlist(15, 17, "b").replace(
    "DISCONTINUITY-SEQUENCE:2",
    "DISCONTINUITY-SEQUENCE:3",
  );
  assert.ok(take(listing, anew));
  const after = numbers(listing.text(lean));
  assert.deepEqual(after.uris.slice(0, before.uris.length), before.uris);
  assert.deepEqual(after.uris.slice(before.uris.length), ["b15", "b16"]);
  assert.equal(listing.text(lean).split("#EXT-X-GAP").length - 1, before.uris.length - 5);
  assert.equal(listing.next, 17);
  for (let i = 0; i < 3; i++) feed.surprise("../../m/a15.m4s");
  assert.equal(faults.length, 1);
});

test("a hole is not hidden, and names that lead nowhere are not asked for again and again", () => {
  const listing = new Listing();
  take(listing, playlist(10, 14));
  assert.equal(take(listing, playlist(15, 20)), false);
  const feed = new Feed("plain", "aac", () => undefined);
  const now = performance.now();
  feed.learn(names(8, 6, now));
  assert.equal(feed.wantsNames(now + 4_000), false);
  assert.equal(feed.wantsNames(now + 60_000), true);
});

test("a delta update and a restart of the encoder are read", () => {
  const listing = new Listing();
  take(listing, playlist(10, 20));
  const delta = playlist(10, 10)
    .replace(/#EXT-X-MAP.*\n/, "#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n")
    .concat(
      "#EXTINF:1.92,\n../../m/a19.m4s\n#EXT-X-DISCONTINUITY\n#EXTINF:0.64,\n../../m/b20.m4s\n",
    );
  assert.ok(take(listing, delta));
  assert.equal(listing.next, 21);
  const text = listing.text(lean);
  assert.equal(text.split("#EXT-X-DISCONTINUITY\n").length, 2);
  assert.equal(readPlaylist("<html>", ""), null);
  assert.equal(readNames("{}", 0), null);
  assert.equal(readNames("no", 0), null);
});

test("only so much is kept", () => {
  const listing = new Listing();
  const one = (from: number): Entry => ({
    uri: `${from}`,
    init: "i",
    duration_s: 5.76,
    at_ms: 0,
    run: 0,
    from,
    to: from + 3,
    parts: [],
  });
  for (let n = 0; n < 300; n += 3) listing.add(one(n));
  assert.ok(listing.length * 5.76 <= 90);
  assert.equal(listing.gate_msn(100), 300);
});
