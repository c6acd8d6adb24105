import assert from "node:assert/strict";
import { test } from "node:test";
import { only, Places, readManifest, readPathways } from "../src/event/steering.ts";

const URL_ = "https://gate.example/live/e/T/master.m3u8";
const FAR = "https://cdn.example/e/k/live/master.m3u8";
const MASTER = `#EXTM3U
#EXT-X-CONTENT-STEERING:SERVER-URI="../steering.json",PATHWAY-ID="gate"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2,opus",STABLE-VARIANT-ID="aac",PATHWAY-ID="gate"
aac/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2",STABLE-VARIANT-ID="aac",PATHWAY-ID="mirror"
https://cdn.example/e/k/live/aac/index.m3u8
`;

function places(): Places {
  const found = readPathways(MASTER, URL_);
  assert.ok(found);
  return new Places(found);
}

test("the places of a playlist are those it names", () => {
  const found = readPathways(MASTER, URL_);
  assert.equal(found?.server, "https://gate.example/live/e/steering.json");
  assert.deepEqual(
    [...(found?.urls ?? [])],
    [
      ["gate", URL_],
      ["mirror", FAR],
    ],
  );
  assert.equal(readPathways(MASTER.replace(/#EXT-X-CONTENT.*\n/, ""), URL_), null);
  assert.equal(readPathways("", URL_), null);
});

test("what is played from one place names no other", () => {
  const lines = only(MASTER, "gate").split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(":")[0]),
    ["#EXTM3U", "#EXT-X-STREAM-INF", "aac/index.m3u8", ""],
  );
});

test("a manifest that is none changes nothing", () => {
  for (const nonsense of [null, 3, {}, { VERSION: 2, "PATHWAY-PRIORITY": [] }, { VERSION: 1 }])
    assert.equal(readManifest(nonsense), null);
  const told = { VERSION: 1, TTL: 60, "PATHWAY-PRIORITY": ["mirror", 3, "gate"] };
  assert.deepEqual(readManifest(told), { ttl_s: 60, order: ["mirror", "gate"] });
});

test("a place that fails is left for a while, and only a gate that tells leads back", () => {
  const here = places();
  assert.equal(here.far, false);
  assert.ok(here.failed(0));
  assert.equal(here.url, FAR);
  assert.ok(here.far);
  // The mirror fails too, sooner than the gate has rested: back to where it may be better.
  assert.ok(here.failed(30_000));
  assert.equal(here.at, "gate");
  assert.ok(here.failed(31_000));
  assert.ok(here.tell({ ttl_s: 60, order: ["gate", "mirror"] }, 32_000));
  assert.equal(here.at, "gate");
});

test("it goes where it is told, and not to what it does not know", () => {
  const here = places();
  const order = ["elsewhere", "gate", "mirror"];
  assert.equal(here.tell({ ttl_s: 60, order }, 0), false);
  assert.ok(here.tell({ ttl_s: 60, order: ["mirror", "gate"] }, 0));
  assert.equal(here.at, "mirror");
  assert.equal(here.tell({ ttl_s: 60, order: [] }, 0), false);
  // A mirror that failed is gone to again when it has rested, and not before.
  assert.ok(here.failed(0));
  assert.equal(here.tell({ ttl_s: 60, order: ["mirror", "gate"] }, 59_000), false);
  assert.ok(here.tell({ ttl_s: 60, order: ["mirror", "gate"] }, 60_000));
});
