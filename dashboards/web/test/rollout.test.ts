import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import type { NodeRollout, Proposal, Rollout, RolloutState } from "../src/api/types.ts";
import { endTrial, promote } from "../src/rollout/acts.ts";
import { concerned, countsOf, doingOf, takenBack, type Doing } from "../src/rollout/state.ts";

const r: Rollout = { serial: 9, stage: "canary", stable: "aa", candidate: "bb", nodes: ["a"], share_percent: 10, actor: "", reason: "", create_time: "2026-11-22T04:00:00Z" };
const node: NodeRollout = { node: "a", connected: true, result: "BUNDLE_RESULT_APPLIED", reason: "", drift: "", serial: 9, status: { bundle_serial: 9, sites: [] } };

test("what a node makes of a rollout", () => {
  const f = (change: Partial<NodeRollout>, want: Doing, of = r) => assert.equal(doingOf(of, { ...node, ...change }), want, JSON.stringify(change));
  f({}, "uses");
  f({ connected: false }, "away");
  f({ status: { bundle_serial: 8, sites: [] } }, "waiting");
  f({ result: "BUNDLE_RESULT_REFUSED" }, "refused");
  f({ result: "BUNDLE_RESULT_REFUSED", serial: 8 }, "uses"); // of the one before
  f({ result: "BUNDLE_RESULT_WITHDRAWN" }, "withdrawn");
  f({ node: "b" }, "apart");
  f({ node: "b" }, "uses", { ...r, candidate: "", nodes: [], stage: "all" });
  const of: RolloutState = { rollout: r, history: [], nodes: [node, { ...node, node: "b" }], public_key: "" };
  assert.deepEqual(concerned(of).map((n) => n.node), ["a"]);
  assert.equal(countsOf(r, { ...node, status: { bundle_serial: 8, sites: [], counts: {} as never } }), undefined);
});

test("a trial that a node has ended is told", () => {
  const of = (x: Partial<Rollout>): RolloutState => ({ rollout: { ...r, ...x }, history: [], nodes: [], public_key: "" });
  assert.ok(takenBack(of({ candidate: "", reason: "node a took it back: blocks jumped" })));
  assert.equal(takenBack(of({ reason: "node a took it back: blocks jumped" })), undefined);
  assert.equal(takenBack(of({ candidate: "", reason: "undone" })), undefined);
});

test("a trial is promoted and ended by its proposal, else by its bundle, and never takes back what all nodes use", async () => {
  setCsrf(Promise.resolve("t"));
  let asked: unknown[] = [];
  let now = r;
  globalThis.fetch = (async (path: string, init: RequestInit) => {
    if (init.method === "POST") asked.push([path, JSON.parse(String(init.body)).stage ?? ""]);
    return new Response(JSON.stringify({ rollout: now }));
  }) as typeof fetch;
  const f = async (act: () => Promise<void>, want: unknown[]) => {
    asked = [];
    await act();
    assert.deepEqual(asked, want);
  };
  const p = { id: 7 } as Proposal;
  await f(() => promote(r, [p]), [["/api/v1/proposals/7:apply", "all"]]);
  await f(() => promote(r, []), [["/api/v1/bundles/bb/rollouts", "all"]]);
  await f(() => endTrial(r, [p]), [["/api/v1/proposals/7:rollback", ""]]);
  await f(() => endTrial(r, []), [["/api/v1/bundles/aa/rollouts", "all"]]);
  now = { ...r, stable: "" };
  await f(() => endTrial(now, []), [["/api/v1/rollouts:rollback", ""]]);
  const seen = now;
  now = { ...r, serial: 10, candidate: "", stable: "bb" }; // somebody has promoted it
  await f(() => endTrial(seen, []), []);
});
