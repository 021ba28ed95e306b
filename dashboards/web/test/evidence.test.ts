import assert from "node:assert/strict";
import { test } from "node:test";
import { inChinese } from "../src/evidence/chinese.ts";

test("reasons are said in Chinese", () => {
  const f = (detail: string, want: string | undefined) => assert.equal(inChinese(detail), want);
  f('form field "html": element that runs or loads something, event handler attribute', "表单字段 html：会执行或加载的元素，事件处理属性");
  f('form field "title": no grammar of an attack', "表单字段 title：没有攻击语法");
  f('query parameter "q": command hidden by quotes, variables or wildcards', "查询参数 q：用引号、变量或通配符藏命令");
  f("of markup, script", "含标记、脚本语法");
  f("of its last 82 requests 74 look like attacks", "最近 82 次请求里 74 次像攻击");
  f("6 values in the request; in much text something is always unusual", "请求含 6 个值，内容多则难免有异常");
  f("27.1 % of requests are taken to be attacks", "先验：攻击约占请求的 27.1 %");
  f("3 rules scored 15, gravest is rule 941120", "3 条规则共 15 分，最重的是 941120");
  f("of 12 labelled decisions of this site, path, rule and variable 3 were attacks; they count as 1.5", "同类已标注 12 条，其中 3 条是攻击");
  f("something new", undefined);
});
