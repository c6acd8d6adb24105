import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64url, toBase64url } from "../src/base64url.ts";

test("bytes come back as they were, for every length and byte", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 37 + length) % 256);
    const text = toBase64url(bytes.buffer);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(fromBase64url(text), bytes);
  }
});

test("the examples of RFC 4648, without padding", () => {
  const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;
  assert.equal(toBase64url(bytes("foob")), "Zm9vYg");
  assert.equal(toBase64url(Uint8Array.from([251, 255]).buffer), "-_8");
});

test("what is no such text throws", () => {
  assert.throws(() => fromBase64url("a"));
  assert.throws(() => fromBase64url("é"));
});
