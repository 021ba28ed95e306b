import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionDetail, Group } from "../src/api/types.ts";
import { compose, targetOf } from "../src/screens/decisions/exclusion.ts";
import { scoredOf, without } from "../src/screens/decisions/score.tsx";

const group = (path: string): Group => ({
  site: "shop", path_template: path, rule: "941100", variable: "ARGS:html", kind: "pattern", decision: "block", n: 1, clients: 1,
  first_time: "", last_time: "", expected_wrong: 1, share_of_blocks: 0, labels: [], rules: [], examples: [], impact: 1,
});
const detail = (rules: string[], ...matches: [rule: string, variable: string, severity: string][]): DecisionDetail => ({
  labels: [], matches: matches.map(([rule, variable, severity]) => ({ rule, variable, severity, value: "v", message: "m" })),
  decision: { rules, anomaly_score: 10 } as DecisionDetail["decision"],
});

test("an exclusion names its path, its rules and their arguments, and nothing more", () => {
  const d = detail(["941100", "941160"], ["941100", "ARGS:html", "critical"], ["941160", "ARGS:html", "critical"], ["942430", "ARGS:x", "warning"]);
  assert.equal(compose(group("/blog/save"), d, 9900000)!.directive,
    'SecRule REQUEST_FILENAME "@streq /blog/save" \\\n  "id:9900000,phase:1,pass,nolog,\\\n   ctl:ruleRemoveTargetById=941100;ARGS:html,\\\n   ctl:ruleRemoveTargetById=941160;ARGS:html"');
  assert.match(compose(group("/t/{id}/a.b"), d, 1)!.directive, /"@rx \^\/t\/\[\^\/\]\+\/a\\\.b\$"/);
});

test("what cannot be said narrowly is not proposed", () => {
  const f = (path: string, d: DecisionDetail) => assert.equal(compose(group(path), d, 1), undefined);
  f("/x", detail(["941100"], ["941100", "REQUEST_URI", "critical"]));
  f("/x", detail(["949110"], ["949110", "ARGS:a", "critical"]));
  f("/x", detail([], ["941100", "ARGS:a", "critical"]));
  f('/x" "deny', detail(["941100"], ["941100", "ARGS:a", "critical"]));
  f("/x\n", detail(["941100"], ["941100", "ARGS:a", "critical"]));
  f("/x", detail(["941100"], ["941100", 'ARGS:a",deny', "critical"]));
  assert.equal(targetOf("ARGS:/rx/"), undefined);
  assert.equal(targetOf("ARGS"), undefined);
  assert.equal(targetOf("ARGS:a.b"), "ARGS:a.b");
});

test("the score is built from the rules that scored", () => {
  const d = detail(["941100", "920310"], ["941100", "ARGS:a", "critical"], ["920310", "REQUEST_HEADERS:Accept", "notice"], ["942430", "ARGS:a", "warning"]);
  assert.deepEqual(scoredOf(d).map((s) => [s.rule, s.points]), [["941100", 5], ["920310", 2], ["942430", 0]]);
  assert.equal(without(d, ["941100"]), 5);
});
