import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, reveal, visible } from "../src/parts/hostile.ts";

test("what hides or acts is shown as its code point", () => {
  const f = (text: string, want: string) => assert.equal(visible(text), want);
  f("union 里两个 select", "union 里两个 select");
  f("a\u200bb", "a[U+200B]b");
  f("\u202egpj.exe", "[U+202E]gpj.exe");
  f("\x1b[31mred\x07", "[U+001B][31mred[U+0007]");
  f("line\r\nnext\ttab", "line[U+000D][U+000A]next[U+0009]tab");
  f("\u2066x\u2069", "[U+2066]x[U+2069]");
  f("\ud800", "[U+D800]");
  f("\u{e0041}tag", "[U+E0041]tag");
  f("\u3164\uffa0\u115f", "[U+3164][U+FFA0][U+115F]");
  f("<script>alert(1)</script>", "<script>alert(1)</script>");
  f("", "");
});

test("nothing is lost", () => {
  const s = "x\u0000y\u{1f600}\u200d\u{1f468}z";
  const back = reveal(s).map((p) => ("text" in p ? p.text : String.fromCodePoint(p.code))).join("");
  assert.equal(back, s);
});

test("plain text is what reveal leaves as it is", () => {
  for (let c = 0; c < 0x11000; c++) {
    const s = String.fromCodePoint(c);
    if (plain(s)) assert.deepEqual(reveal(s), [{ text: s }], `U+${c.toString(16)}`);
  }
});
