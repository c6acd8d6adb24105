import assert from "node:assert/strict";
import { test } from "node:test";
import { askOpus, iceServers } from "../src/sdp.ts";
import { next, OUT, type Stay } from "../src/studio/stay.ts";

const NOW = 1_000_000;
const up = (more: Partial<Stay>): Stay => ({
  ...OUT,
  wanted: true,
  session: "up",
  up_at: NOW,
  seen: true,
  ...more,
});

test("who is not wanted in stays out; who is goes in, and waits between tries", () => {
  assert.equal(next(OUT, true, NOW), "wait");
  const wanting = { ...OUT, wanted: true };
  assert.equal(next(wanting, true, NOW), "join");
  assert.equal(next(wanting, false, NOW), "join");
  assert.equal(next({ ...wanting, retry_at: NOW + 1 }, true, NOW), "wait");
  assert.equal(next({ ...wanting, session: "starting" }, true, NOW + 60_000), "wait");
});

test("a restarted stage does not know the speaker: back in at once", () => {
  assert.equal(next(up({ absent_at: NOW }), true, NOW + 699), "wait");
  assert.equal(next(up({ absent_at: NOW }), true, NOW + 700), "join");
});

test("while the stage is out of reach nothing is tried: it would only fail", () => {
  assert.equal(next(up({ absent_at: NOW, cut_at: NOW }), false, NOW + 60_000), "wait");
});

test("a first packet may take its time", () => {
  const fresh = up({ seen: false, absent_at: NOW });
  assert.equal(next(fresh, true, NOW + 5_999), "wait");
  assert.equal(next(fresh, true, NOW + 6_000), "join");
});

test("cut off yet shown as here: the link speaks elsewhere, and is left to", () => {
  assert.equal(next(up({ cut_at: NOW }), true, NOW + 7_999), "wait");
  assert.equal(next(up({ cut_at: NOW }), true, NOW + 8_000), "elsewhere");
  assert.equal(next(up({ cut_at: null }), true, NOW + 60_000), "wait");
});

// An answer as aiortc 1.16 gives it, shortened.
const ANSWER = [
  "v=0",
  "m=audio 50000 UDP/TLS/RTP/SAVPF 111 0",
  "a=rtpmap:111 opus/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:0 PCMU/8000",
  "a=fmtp:96 apt=97",
  "",
].join("\r\n");

test("our encoder is asked for mono with FEC and without DTX", () => {
  const asked = askOpus(ANSWER, 48_000);
  assert.match(
    asked,
    /\r\na=fmtp:111 [^\r]*stereo=0;[^\r]*useinbandfec=1;usedtx=0;maxaveragebitrate=48000\r\n/,
  );
  assert.match(asked, /\r\na=fmtp:96 apt=97\r\n/);
  assert.equal(asked.split("\r\n").length, ANSWER.split("\r\n").length);
  const bare = askOpus(ANSWER.replace(/a=fmtp:111 .*\r\n/, ""), 32_000);
  assert.match(bare, /a=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 .*maxaveragebitrate=32000\r\n/);
  assert.equal(askOpus("v=0\r\n", 1), "v=0\r\n");
});

test("ICE servers are read from Link as RFC 9725 section 4.6 shows them", () => {
  const link =
    '<stun:stun.example.net>; rel="ice-server", ' +
    '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; ' +
    'credential="myPassword"; credential-type="password"';
  assert.deepEqual(iceServers(link), [
    { urls: "stun:stun.example.net" },
    { urls: "turn:turn.example.net?transport=udp", username: "user", credential: "myPassword" },
  ]);
  assert.deepEqual(iceServers(null), []);
  assert.deepEqual(iceServers('<https://example.net/>; rel="next", <stun:a>; rel=ice-server'), [
    { urls: "stun:a" },
  ]);
});
