import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clock,
  elsewhere,
  knownZone,
  localeFor,
  moment,
  names,
  sameClock,
  timeOfDay,
  writeNumber,
  writeSize,
  zoneName,
} from "../src/format.ts";

const NY = "America/New_York";
const KOLKATA = "Asia/Kolkata";
/** The evening of LOOK.md: Monday 12 August 2024, 8 pm in New York. */
const EVENING = Date.UTC(2024, 7, 13, 0, 0);
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("the reader's own time comes first, with the announced one beside it", () => {
  assert.equal(plain(moment(EVENING, KOLKATA, "en-IN")), "Tue, 13 Aug, 5:30 am");
  assert.equal(plain(elsewhere(EVENING, NY, KOLKATA, "en-US")), "8:00 pm Eastern Time, Mon");
});

test("the weekday is left out where it is the same day", () => {
  assert.equal(plain(elsewhere(EVENING, NY, "America/Chicago", "en-US")), "8:00 pm Eastern Time");
});

test("Gujarati and Hindi say the part of the day in words, first", () => {
  assert.equal(timeOfDay(EVENING, KOLKATA, "gu-IN"), "સવારે 5:30");
  // 8 pm belongs to शाम or रात, depending on the release of CLDR.
  assert.match(timeOfDay(EVENING, NY, "hi-IN"), /^(शाम|रात) 8:00$/);
});

test("a clock of 24 hours has two digits", () => {
  assert.equal(timeOfDay(EVENING, KOLKATA, "en-GB"), "05:30");
});

test("two zones with the same clock are told apart from two with different ones", () => {
  assert.equal(sameClock(EVENING, "Europe/Paris", "Europe/Berlin"), true);
  assert.equal(sameClock(EVENING, "Europe/Paris", "Europe/London"), false);
  // Lisbon and London go together, and so do Abidjan and London, but only in winter.
  assert.equal(sameClock(Date.UTC(2024, 0, 1), "Africa/Abidjan", "Europe/London"), true);
  assert.equal(sameClock(EVENING, "Africa/Abidjan", "Europe/London"), false);
});

test("a zone that is not known becomes UTC", () => {
  assert.equal(knownZone("Nowhere/Atlantis"), "UTC");
  assert.equal(knownZone(KOLKATA).length > 3, true);
  assert.equal(zoneName(EVENING, NY, "en"), "Eastern Time");
});

test("numbers are grouped as the language does, in Western digits", () => {
  assert.equal(writeNumber(112_480, "en"), "112,480");
  assert.equal(writeNumber(112_480, localeFor("gu", [])), "1,12,480");
  assert.equal(writeNumber(112_480, localeFor("hi", ["hi-IN-u-nu-deva"])), "1,12,480");
});

test("the reader's own variant of the page's language counts, another language does not", () => {
  assert.equal(localeFor("en", ["gu-IN", "en-GB"]), "en-GB-u-nu-latn");
  assert.equal(localeFor("hi", ["en-US"]), "hi-IN-u-nu-latn");
  assert.equal(localeFor("en", []), "en-u-nu-latn");
});

test("sizes and clocks", () => {
  assert.equal(plain(writeSize(41_250_000, "en")), "41 MB");
  assert.equal(plain(writeSize(1_260_000, "en")), "1.3 MB");
  assert.equal(clock(0), "0:00");
  assert.equal(clock(59.99), "0:59");
  assert.equal(clock(754), "12:34");
  assert.equal(clock(5527), "1:32:07");
  assert.equal(clock(-3), "0:00");
});

test("names are joined as the language joins them", () => {
  assert.equal(names(["Asha", "Ravi"], "en"), "Asha and Ravi");
  assert.equal(names(["આશા", "રવિ"], "gu"), "આશા અને રવિ");
});
