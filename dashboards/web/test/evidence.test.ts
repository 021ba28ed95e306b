import assert from "node:assert/strict";
import { test } from "node:test";
import type { Evidence } from "../src/api/types.ts";
import { sayEvidence } from "../src/evidence/bars.tsx";

test("reasons are said as the server says them", () => {
  const f = (e: Partial<Evidence>, zh: string, en: string) => {
    const whole = { name: "content", weight: 1, detail: "", ...e };
    assert.equal(sayEvidence(whole, "zh-CN").text, zh);
    assert.equal(sayEvidence(whole, "en").text, en);
    assert.equal(sayEvidence(whole, "zh-CN").english, zh === en);
  };
  f({ detail: "sentences", name_zh: "内容", detail_zh: "句子" }, "句子", "Sentences");
  f({ detail: "something new", name_zh: "内容", detail_zh: "" }, "Something new", "Something new");
  f({ detail: "of an older server" }, "Of an older server", "Of an older server");
  f({ name_zh: "内容" }, "内容", "Content");
});
