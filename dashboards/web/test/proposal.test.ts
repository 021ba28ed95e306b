import assert from "node:assert/strict";
import { test } from "node:test";
import type { Proposal } from "../src/api/types.ts";
import { disputedOf, leftOutSaid, otherwiseOf, proposalSaid } from "../src/proposals/evidence.ts";
import { inOrder } from "../src/proposals/order.ts";

test("what the server tells of a proposal is said in Chinese", () => {
  const f = (detail: string, zh: string) => {
    assert.deepEqual(proposalSaid(detail, "zh-CN"), { text: zh, english: detail === zh });
    assert.deepEqual(proposalSaid(detail, "en"), { text: detail, english: true });
  };
  f("rule 941100 no longer looks at ARGS:html; rule 941160 is off on /blog/save of shop", "shop /blog/save：规则 941100 不再检查 ARGS:html；停用规则 941160");
  f("rule 920420 allows application/csp-report on all paths of shop, while the query has no unusual characters", "shop 全部路径：规则 920420 允许 application/csp-report，仅限查询串没有特殊字符时");
  f("4 requests taken for false positives pass; with the proposals before it 6 of 9", "放行 4 个误报请求；连同前面的建议，共放行 9 个里的 6 个");
  f("0 of 2 blocked requests at this place that are taken for attacks pass", "此处被认作攻击的 2 个拦截里，会放行 0 个");
  f("1 of 2 attacks of the guard at this place pass; the guard has 30 blocked attacks in all", "此处 2 个已知攻击里会漏放 1 个；用来把关的攻击共 30 个");
  f("1 values that a policy allows, 2 rules that are off, on the whole site", "策略多允许 1 个值，停用 2 条规则，范围：整个站点");
  f("2 variables that a rule no longer looks at, on one path", "规则不再检查 2 个变量，范围：一个路径");
  f('3 of the requests taken for false positives the verdict takes for sure attacks; labelled by analyst "ann"', '其中 3 个，模型认定是攻击；标注人：analyst "ann"');
  f("rule 942130 blocks at the paranoia level in use, on shop", "在 shop 以当前偏执级别启用规则 942130 拦截");
  f("2 of 5 missed attacks are blocked", "5 个漏报的攻击里会拦截 2 个");
  f("1 of 900 legitimate requests of the site are blocked, too: 0.11 % (0.02 to 0.63 %)", "该站点 900 个正常请求里也会拦截 1 个：0.11 %（0.02 – 0.63 %）");
  f("asked for with suspect 0.5 and guard_loss 0.005", "按 suspect 0.5、guard_loss 0.005 查找");
  f("asked for with max_cost 0.01", "按 max_cost 0.01 查找");
  f("the trial of these proposals ended with it: 9950001, 9950002", "这些建议的试用随之结束：9950001, 9950002");
  f("no request has needed it in 30 days", "30 天没有请求用到它");
  f("something of another server", "something of another server");
  f("something else on /a of shop", "something else on /a of shop");
});

test("a proposal tells whether the verdict is against it", () => {
  assert.equal(disputedOf([{ name: "disputed", weight: -4, detail: "" }]), 4);
  assert.equal(disputedOf([{ name: "released", weight: -4, detail: "" }]), 0);
});

test("what a search left out is said in Chinese", () => {
  const f = (text: string, zh: string, english = false) => assert.deepEqual(leftOutSaid(text, "zh-CN"), { text: zh, english });
  f("3 of which no copy is kept, 9 that the rules in use decide otherwise", "3 个没有留副本，9 个在用规则判得不同");
  f("3 of another server", "3 of another server", true);
});

test("a search tells how many requests the rules in use decide otherwise by now", () => {
  assert.equal(otherwiseOf("3 of which no copy is kept, 9 that the rules in use decide otherwise"), 9);
  assert.equal(otherwiseOf("3 of which no copy is kept"), 0);
});

test("what somebody has to look at stands first", () => {
  const p = (id: number, status: string, stage = "") => ({ id, status, stage }) as Proposal;
  const all = [p(1, "rolled_back"), p(2, "applied", "all"), p(3, "proposed"), p(4, "applied", "canary"), p(5, "proposed"), p(6, "retired")];
  assert.deepEqual(inOrder(all).map((x) => x.id), [4, 5, 3, 2, 6, 1]);
});
