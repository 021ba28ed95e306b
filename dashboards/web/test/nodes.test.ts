import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../src/api/types.ts";
import { healthOf, shortRuleset } from "../src/screens/nodes/health.ts";

const well: Node = {
  name: "waf-1", version: "v1", ruleset: "crs/4.25.0+sha256:ab12cd", sites: ["shop"], connected: true, peer: "192.0.2.1",
  last_seen_time: "2026-11-22T04:00:00Z", spool_overflow: 0, spool_records: 0, lag_ms: 0, bundle: "", candidate_bundle: "",
};

test("a node is judged by what it says of itself", () => {
  const f = (change: Partial<Node>, want: string) => assert.equal(healthOf({ ...well, ...change }, well.ruleset), want, JSON.stringify(change));
  f({}, "healthy");
  f({ connected: false, spool_overflow: 3 }, "away");
  f({ spool_overflow: 1, lag_ms: 90_000 }, "losing");
  f({ spool_records: 1001 }, "behind");
  f({ spool_records: 1, lag_ms: 60_001 }, "behind");
  f({ spool_records: 900, lag_ms: 60_000 }, "healthy");
  f({ ruleset: "crs/4.24.0" }, "oldRules");
  assert.equal(shortRuleset(well.ruleset), "4.25.0 ab12");
});
