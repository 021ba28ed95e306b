import type { BundleCounts, DecisionCounts, Node, NodeRollout, Proposal, Rollout, RolloutState } from "../api/types.ts";

/** What a node has made of the rollout in force; apart is one that does not try the candidate out. */
export type Doing = "away" | "refused" | "withdrawn" | "waiting" | "apart" | "uses";

/** doingOf says what a node does. */
export function doingOf(r: Rollout, n: NodeRollout): Doing {
  if (!n.connected) return "away";
  if (n.serial === r.serial && n.result === "BUNDLE_RESULT_REFUSED") return "refused";
  if (n.serial === r.serial && n.result === "BUNDLE_RESULT_WITHDRAWN") return "withdrawn";
  if (n.status?.bundle_serial !== r.serial) return "waiting";
  return r.candidate !== "" && !triesOut(r, n.node) ? "apart" : "uses";
}

/** triesOut is whether a node is to try the candidate out. */
export function triesOut(r: Rollout, node: string): boolean {
  return r.candidate !== "" && (r.nodes.length === 0 || r.nodes.includes(node));
}

/** onTrial are the proposals that a trial is about; none for a bundle that somebody wrote. */
export function onTrial(proposals: Proposal[]): Proposal[] {
  return proposals.filter((p) => p.stage === "shadow" || p.stage === "canary");
}

/** concerned are the nodes that a rollout is about: those that try the candidate out, else all. */
export function concerned(s: RolloutState): NodeRollout[] {
  const r = s.rollout;
  if (!r) return [];
  return r.candidate === "" ? s.nodes : s.nodes.filter((n) => triesOut(r, n.node));
}

/** countsOf are the counts of a node since it took this rollout; undefined as long as it has not. */
export function countsOf(r: Rollout, n: NodeRollout): BundleCounts | undefined {
  return n.status?.bundle_serial === r.serial ? (n.status.counts ?? undefined) : undefined;
}

/** share is how much of the requests was blocked, undefined without any. */
export function share(c: DecisionCounts): number | undefined {
  return c.requests > 0 ? c.blocked / c.requests : undefined;
}

/** takenBack is why nodes ended a trial by themselves, if that was the last thing that happened. */
export function takenBack(s: RolloutState): Rollout | undefined {
  const r = s.rollout;
  return r && r.candidate === "" && /^node \S+ took it back: /.test(r.reason) ? r : undefined;
}

/** nodesFor are the nodes that a site can be tried out on: those connected that have it, else all of them. */
export function nodesFor(site: string, nodes: Node[]): string[] {
  const there = nodes.filter((n) => n.connected);
  const mine = there.filter((n) => n.sites.includes(site));
  return (mine.length > 0 ? mine : there).map((n) => n.name);
}
