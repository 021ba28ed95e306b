import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import type { Proposal } from "../src/api/types.ts";
import { applyProposal } from "../src/proposals/acts.ts";

test("a proposal is brought to the nodes as it was asked", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: unknown[] = [];
  globalThis.fetch = (async (path: string, init: RequestInit) => {
    if (init.method === "POST") asked.push([path, JSON.parse(String(init.body))]);
    const node = (name: string, connected: boolean, ...sites: string[]) => ({ name, connected, sites });
    return new Response(JSON.stringify({ nodes: [node("a", true, "shop"), node("b", false, "shop"), node("c", true, "help")] }));
  }) as typeof fetch;
  const p = { id: 7, kind: "exclusion", site: "shop", rules: [942100], stage: "" } as unknown as Proposal;
  let changed = 0;
  const on = () => changed++;
  await applyProposal(p, { stage: "shadow" }, on);
  await applyProposal({ ...p, site: "other" }, { stage: "shadow" }, on);
  await applyProposal({ ...p, stage: "shadow" } as Proposal, { stage: "all", owner: "ann", days: 7 }, on);
  await applyProposal(p, { stage: "canary", share: 25, nodes: ["a"], owner: "ann", days: 0, reason: "our texts" }, on);
  await applyProposal({ ...p, kind: "promotion" }, { stage: "canary" }, on);
  const [reason, owner, expires] = ["false positives of 942100", "", "now+90d"];
  assert.deepEqual(asked, [
    ["/api/v1/proposals/7:apply", { stage: "shadow", reason, nodes: ["a"], expires, owner }],
    ["/api/v1/proposals/7:apply", { stage: "shadow", reason, nodes: ["a", "c"], expires, owner }],
    ["/api/v1/proposals/7:apply", { stage: "all", reason }],
    ["/api/v1/proposals/7:apply", { stage: "canary", reason: "our texts", nodes: ["a"], share_percent: 25, expires: "", owner: "ann" }],
    ["/api/v1/proposals/7:apply", { stage: "canary", reason: "attacks missed without 942100", share_percent: 10, expires, owner }],
  ]);
  assert.equal(changed, 5);
});
