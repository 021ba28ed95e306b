import type { Proposal } from "../api/types.ts";

/** rank says how soon somebody has to look at a proposal: on trial, proposed, in use, ended. */
function rank(p: Proposal): number {
  if (p.stage === "shadow" || p.stage === "canary") return 0;
  if (p.status === "proposed") return 1;
  return p.status === "applied" ? 2 : 3;
}

/** inOrder puts first what somebody has to look at, the newest of each before older ones. */
export function inOrder(all: Proposal[]): Proposal[] {
  return [...all].sort((a, b) => rank(a) - rank(b) || b.id - a.id);
}
