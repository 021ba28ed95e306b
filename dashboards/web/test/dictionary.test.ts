import assert from "node:assert/strict";
import { test } from "node:test";
import "screens:all";
import "../src/shell/app.tsx";
import "../src/wall/words.ts";
import { dictionaries } from "../src/words/dictionary.ts";
import { screens } from "../src/shell/screen.ts";

const han = /[\u4e00-\u9fff]/;
/** Words that are the same in both languages. */
const same = /^(WAF|URL|JSON|NDJSON|CSV|p|n|[A-Z]{2,5}|中文|English|EN|中)$/;

test("dictionaries are complete and in their languages", () => {
  assert.ok(dictionaries.length > 5);
  for (const d of dictionaries) {
    assert.deepEqual(Object.keys(d.zh).sort(), Object.keys(d.en).sort(), d.name);
    for (const [k, en] of Object.entries(d.en)) {
      const zh = d.zh[k];
      assert.equal(typeof zh, typeof en, `${d.name}.${k}`);
      const [a, b] = [said(en), said(zh)];
      assert.ok(a.trim() !== "" && b.trim() !== "", `${d.name}.${k} is empty`);
      if (same.test(a)) continue;
      assert.ok(!han.test(a), `${d.name}.${k}: Chinese in the English words: ${a}`);
      if (/[a-z]{3}/.test(a.replace(/«x»/g, ""))) assert.ok(han.test(b), `${d.name}.${k} is not Chinese: ${b}`);
      assert.ok(!/[您亲]|小贴士|请(?!求)|抱歉/.test(b), `${d.name}.${k}: ${b}`);
      assert.ok(!/\b(please|sorry|oops|successfully)\b|!/i.test(a), `${d.name}.${k}: ${a}`);
    }
  }
});

/** said is a word, or the sentence with something in each place. */
function said(v: unknown): string {
  if (typeof v !== "function") return String(v);
  const given = Array.from({ length: v.length }, () => "«x»");
  return String((v as (...a: unknown[]) => unknown)(...given));
}

test("every screen has a name and a letter of its own", () => {
  assert.ok(screens().length > 0);
  for (const s of screens()) assert.match(s.letter, /^[a-y]$/);
});
