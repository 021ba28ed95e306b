import { get, post, Refusal } from "../api/client.ts";
import type { Node, Proposal } from "../api/types.ts";
import { reasonOf } from "../parts/states.tsx";
import { tell } from "../shell/undo.ts";
import { proposalWords } from "./words.ts";

/** How long an exclusion holds that is applied here. */
export const lifetimeMs = 90 * 86400e3;

const path = (p: Proposal, act: string) => `/api/v1/proposals/${p.id}:${act}`;

/** applyProposal brings a proposal to the nodes: to judge beside the rules in use, or among them. */
export async function applyProposal(p: Proposal, stage: "shadow" | "all", changed: () => void): Promise<void> {
  const w = proposalWords();
  try {
    // On the way to another stage it keeps the time that it has.
    const on = stage === "shadow" ? { nodes: await nodesOf(p.site) } : {};
    await post(path(p, "apply"), { stage, ...on, expires: p.stage ? "" : "now+90d", reason: `false positives of ${p.rules.join(", ")}` });
    tell({
      said: stage === "all" ? w.appliedToast(p.site) : w.shadowToast,
      undo: async () => {
        await post(path(p, "rollback"), { reason: "undone in the console" });
        changed();
      },
    });
  } catch (e) {
    tell({ said: w.failed(whyOf(e)), failed: true });
  }
  changed();
}

/** nodesOf are the nodes that a site is tried out on: those connected that have it, else all of them. */
async function nodesOf(site: string): Promise<string[]> {
  const { nodes } = await get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 });
  const there = nodes.filter((n) => n.connected);
  const mine = there.filter((n) => n.sites.includes(site));
  return (mine.length > 0 ? mine : there).map((n) => n.name);
}

/** endProposal takes an exclusion away: rolled back, or retired because it is not needed any more. */
export async function endProposal(p: Proposal, act: "rollback" | "retire", changed: () => void): Promise<void> {
  const w = proposalWords();
  try {
    await post(path(p, act), { reason: "ended in the console" });
    tell({ said: act === "rollback" ? w.rolledBack(p.id) : w.retired(p.id) });
  } catch (e) {
    tell({ said: w.failed(whyOf(e)), failed: true });
  }
  changed();
}

/** whyOf says what a refusal means, with the server's words where they say more. */
export function whyOf(e: unknown): string {
  if (!(e instanceof Refusal)) return String(e);
  return e.status === 400 || e.status === 409 ? e.message : reasonOf(e);
}
