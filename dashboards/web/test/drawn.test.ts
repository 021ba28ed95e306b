import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import type { Decision } from "../src/api/types.ts";
import { drawnDecisions, groupOfOne, labelDrawn, refOf, shuffled } from "../src/screens/decisions/drawn.ts";
import { undoLast } from "../src/shell/undo.ts";

const decision = (n: number, label = ""): Decision => ({
  id: `run-${n}`, source: "edge-1", label, decision: "block", method: "GET", path: "/a", rules: ["942100"], site: "shop", kind: "pattern",
} as Decision);

test("the order of a sample has nothing to do with time and is always the same", () => {
  const all = Array.from({ length: 200 }, (_, i) => decision(i));
  const a = shuffled(all).map(refOf);
  assert.deepEqual(shuffled([...all].reverse()).map(refOf), a);
  assert.equal(new Set(a).size, 200);
  const rising = a.filter((x, i) => i > 0 && Number(x.slice(11)) > Number(a[i - 1]!.slice(11))).length;
  assert.ok(rising > 60 && rising < 140, `${rising} of 199 follow their predecessor`);
});

test("what was drawn and labelled does not wait", async () => {
  const asked: string[] = [];
  globalThis.fetch = (async (path: string) => {
    asked.push(path);
    return new Response(JSON.stringify({ decisions: [decision(1), decision(2, "benign"), decision(3)], next_page_token: "" }));
  }) as typeof fetch;
  const d = await drawnDecisions("", { from: "f", to: "t" }, new AbortController().signal);
  assert.deepEqual([d.waiting.map((x) => x.id).sort(), d.labelled, d.more], [["run-1", "run-3"], 1, false]);
  assert.match(asked[0]!, /^\/api\/v1\/decisions\?.*drawn=true&labelled=mixed/);
});

test("a label of a drawn decision is taken back by one undo, and put back if it is refused", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: string[] = [];
  let status = 200;
  globalThis.fetch = (async (path: string, init: RequestInit) => {
    asked.push(`${path} ${String(init.body)}`);
    return new Response("{}", { status });
  }) as typeof fetch;
  const told: string[] = [];
  await labelDrawn(decision(1), "legitimate", () => told.push("gone"), () => told.push("back"));
  await undoLast(() => "", String);
  assert.deepEqual(asked, ['/api/v1/decisions/run-1:label {"source":"edge-1","label":"false_positive"}', '/api/v1/decisions/run-1:undoLabel {"source":"edge-1"}']);
  assert.deepEqual(told, ["gone", "back"]);
  status = 503;
  await labelDrawn(decision(2), "attack", () => told.push("gone"), () => told.push("back"));
  assert.deepEqual(told, ["gone", "back", "gone", "back"]);
});

test("a decision is a group of one", () => {
  const g = groupOfOne(decision(7));
  assert.deepEqual([g.n, g.rule, g.examples[0]], [1, "942100", { id: "run-7", source: "edge-1" }]);
});
