import assert from "node:assert/strict";
import { test } from "node:test";
import { locate, urlDecode } from "../src/request/decode.ts";

test("URL decoding keeps the places", () => {
  const f = (s: string, want: string) => {
    const d = urlDecode(s);
    assert.equal(d.text, want);
    assert.equal(d.from.length, d.text.length + 1);
  };
  f("a+b%20c", "a b c");
  f("%E8%AF%B7%E9%97%AE", "请问");
  f("%zz%4", "%zz%4");
  f("%F0%9F%98%80x", "\u{1f600}x");
  f("%FF%41", "\ufffdA");
  f("", "");
});

test("a matched value is found in what was sent", () => {
  const sent = "html=%3Cb%3E1%3C%2Fb%3E&x=1";
  const at = locate(sent, "<b>1</b>")!;
  assert.equal(sent.slice(at.sent.from, at.sent.to), "%3Cb%3E1%3C%2Fb%3E");
  assert.equal(at.decoded.text.slice(at.span.from, at.span.to), "<b>1</b>");
  assert.equal(locate(sent, "absent"), undefined);
  assert.equal(locate(sent, ""), undefined);
});
