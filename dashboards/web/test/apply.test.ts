import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import type { Proposal } from "../src/api/types.ts";
import { applyProposal } from "../src/proposals/acts.ts";

test("an exclusion is tried out on the connected nodes of its site", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: unknown[] = [];
  globalThis.fetch = (async (path: string, init: RequestInit) => {
    if (init.method === "POST") asked.push([path, JSON.parse(String(init.body))]);
    const node = (name: string, connected: boolean, ...sites: string[]) => ({ name, connected, sites });
    return new Response(JSON.stringify({ nodes: [node("a", true, "shop"), node("b", false, "shop"), node("c", true, "help")] }));
  }) as typeof fetch;
  const p = { id: 7, site: "shop", rules: [942100], stage: "" } as unknown as Proposal;
  let changed = 0;
  await applyProposal(p, "shadow", () => changed++);
  await applyProposal({ ...p, site: "other" }, "shadow", () => changed++);
  await applyProposal({ ...p, stage: "shadow" } as Proposal, "all", () => changed++);
  const reason = "false positives of 942100";
  assert.deepEqual(asked, [
    ["/api/v1/proposals/7:apply", { stage: "shadow", nodes: ["a"], expires: "now+90d", reason }],
    ["/api/v1/proposals/7:apply", { stage: "shadow", nodes: ["a", "c"], expires: "now+90d", reason }],
    ["/api/v1/proposals/7:apply", { stage: "all", expires: "", reason }],
  ]);
  assert.equal(changed, 3);
});
