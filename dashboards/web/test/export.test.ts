import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, csvCell } from "../src/screens/search/export.ts";

test("no cell of a CSV is a formula", () => {
  const f = (text: string, want: string) => assert.equal(csvCell(text), want);
  f("=1+1", "'=1+1");
  f("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0");
  f("-2+3", "'-2+3");
  f("-2", "-2");
  f("@SUM(A1)", "'@SUM(A1)");
  f("\t=1", "'\t=1");
  f("  =1", "'  =1");
  f("\uff1d1", "'\uff1d1");
  f('say "a, b"', '"say ""a, b"""');
  f("a\nb", '"a\nb"');
  f("plain", "plain");
});

test("a CSV has the fields of all events", () => {
  assert.equal(csv([{ "@timestamp": "t", a: ["x", "y"] }, { "@timestamp": "u", b: 1 }]), '\ufefftimestamp,a,b\r\nt,"x, y",\r\nu,,1\r\n');
});
