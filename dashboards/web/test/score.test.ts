import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionDetail, Group } from "../src/api/types.ts";
import { toldLines } from "../src/request/lines.ts";
import { filterOf, holds } from "../src/screens/decisions/groups.ts";
import { labelOf } from "../src/screens/decisions/labelling.ts";
import { scoredOf, without } from "../src/screens/decisions/score.tsx";

const detail = (rules: string[], ...matches: [rule: string, variable: string, severity: string][]): DecisionDetail => ({
  labels: [], matches: matches.map(([rule, variable, severity]) => ({ rule, variable, severity, value: "v", message: "m" })),
  decision: { rules, anomaly_score: 10, site: "shop", path: "/t/12/a.b", decision: "block" } as DecisionDetail["decision"],
});

test("the score is built from the rules that scored", () => {
  const d = detail(["941100", "920310"], ["941100", "ARGS:a", "critical"], ["920310", "REQUEST_HEADERS:Accept", "notice"], ["942430", "ARGS:a", "warning"]);
  assert.deepEqual(scoredOf(d).map((s) => [s.rule, s.points]), [["941100", 5], ["920310", 2], ["942430", 0]]);
  assert.equal(without(d, ["941100"]), 5);
});

test("a group knows its decisions and finds its events", () => {
  const g = { site: "shop", path_template: "/t/{id}/a.b", rule: "941100", decision: "block" } as Group;
  assert.equal(filterOf(g), "(waf.site: shop or url.domain: shop) and waf.decision: block and url.path: /t/*/a.b and rule.id: 941100");
  assert.equal(holds(g, detail(["941100"])), true);
  assert.equal(holds(g, detail(["942100"])), false);
  assert.equal(filterOf({ ...g, path_template: '/a "b*' }), '(waf.site: shop or url.domain: shop) and waf.decision: block and url.path: "/a \\"b*" and rule.id: 941100');
});

test("a key means a label, of what was blocked and of what passed", () => {
  assert.deepEqual((["legitimate", "attack", "test", "unsure"] as const).map((v) => [labelOf(v, true), labelOf(v, false)]),
    [["false_positive", "benign"], ["true_positive", "true_positive"], ["benign", "benign"], ["unsure", "unsure"]]);
});

test("without a copy the request is what its decision tells", () => {
  const d = detail([]);
  assert.deepEqual(toldLines(d), []);
  const told = toldLines({ ...d, decision: { ...d.decision, method: "GET" }, request: { url: "/a?q=1", host: "h", version: "1.1", user_agent: "", referrer: "/b" } });
  assert.deepEqual(told.map((l) => `${l.name} ${l.value}`), ["GET /a?q=1 HTTP/1.1", "host h", "referer /b"]);
});
