import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, grainOf, parseTime, rangeOf, shift } from "../src/time/range.ts";

const now = new Date("2026-06-18T12:00:00Z");

test("times of links and inputs", () => {
  const f = (text: string, want: string | undefined) => assert.equal(parseTime(text, now)?.toISOString(), want, text);
  f("now", "2026-06-18T12:00:00.000Z");
  f("now-1h", "2026-06-18T11:00:00.000Z");
  f("now+2d", "2026-06-20T12:00:00.000Z");
  f("2026-06-18T09:00:00+08:00", "2026-06-18T01:00:00.000Z");
  f("2026-06-18T09:00:00.5Z", "2026-06-18T09:00:00.500Z");
  f("yesterday", undefined);
  f("now-", undefined);
  f("", undefined);
});

test("a range is never empty", () => {
  const f = (from: string, to: string, want: [string, string]) => {
    const r = rangeOf(from, to, now, 3600e3);
    assert.deepEqual([r.from.toISOString(), r.to.toISOString()], want);
  };
  f("", "", ["2026-06-18T11:00:00.000Z", "2026-06-18T12:00:00.000Z"]);
  f("2026-06-18T10:00:00Z", "2026-06-18T11:00:00Z", ["2026-06-18T10:00:00.000Z", "2026-06-18T11:00:00.000Z"]);
  f("2026-06-18T11:00:00Z", "2026-06-18T10:00:00Z", ["2026-06-18T09:00:00.000Z", "2026-06-18T10:00:00.000Z"]);
  f("rubbish", "rubbish", ["2026-06-18T11:00:00.000Z", "2026-06-18T12:00:00.000Z"]);
});

test("times of a range are told apart", () => {
  const f = (from: string, want: string) => assert.equal(grainOf(rangeOf(from, "now", now, 3600e3)), want, from);
  f("now-24h", "time"); // which ends where it began: the end is excluded
  f("now-25h", "day");
  f("now-365d", "day");
  f("now-366d", "year");
});

test("steps and buckets", () => {
  const r = rangeOf("2026-06-18T10:00:00Z", "2026-06-18T11:00:00Z", now, 0);
  assert.equal(shift(r, -1).from.toISOString(), "2026-06-18T09:00:00.000Z");
  assert.equal(bucketOf(r, 120), 30);
  assert.equal(bucketOf(r, 100), 60);
});
