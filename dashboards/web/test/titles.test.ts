import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { sigmaTitle } from "../src/sigma/titles.ts";
import { setLanguage } from "../src/words/language.ts";

// build/test.mjs runs tests in dashboards/web.
const rules = "../../rules";

test("each rule of the pack has a title in Chinese", () => {
  let n = 0;
  for (const folder of readdirSync(rules, { withFileTypes: true }).filter((d) => d.isDirectory())) {
    for (const file of readdirSync(`${rules}/${folder.name}`).filter((f) => f.endsWith(".yml"))) {
      const title = /^title: *(.+)$/m.exec(readFileSync(`${rules}/${folder.name}/${file}`, "utf8"))?.[1] ?? "";
      setLanguage("zh-CN");
      const said = sigmaTitle(title.replace(/^(["'])(.*)\1$/, "$2"));
      assert.ok(!said.english && /[\u4e00-\u9fff]/.test(said.text), `${folder.name}/${file}: ${title}`);
      setLanguage("en");
      assert.deepEqual(sigmaTitle(title), { text: title, english: true });
      n++;
    }
  }
  assert.ok(n > 100, `${n} rules`);
});

test("a title that is not of the pack stays as it is", () => {
  setLanguage("zh-CN");
  for (const title of ["", "Ours", "constructor", "__proto__"]) assert.deepEqual(sigmaTitle(title), { text: title, english: true });
});
