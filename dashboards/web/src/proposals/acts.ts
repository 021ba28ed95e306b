import { get, post, Refusal } from "../api/client.ts";
import type { Node, Proposal } from "../api/types.ts";
import { reasonOf } from "../parts/states.tsx";
import { nodesFor } from "../rollout/state.ts";
import { tell } from "../shell/undo.ts";
import { language } from "../words/language.ts";
import { refusalSaid } from "./refusals.ts";
import { proposalWords } from "./words.ts";

/** How long a proposal holds that is applied here, in days; 0 is for ever. */
export const lifetime = 90;

export type Stage = "shadow" | "canary" | "all";

/** How a proposal is brought to the nodes; what is left out is as usual. */
export interface How {
  stage: Stage;
  share?: number; // percent of the clients, of a canary
  nodes?: string[]; // all if there are none
  owner?: string;
  reason?: string;
  days?: number; // until it expires, 0 for never
}

const path = (p: Proposal, act: string) => `/api/v1/proposals/${p.id}:${act}`;

/** usualReason is the reason where nobody gives another one. */
export function usualReason(p: Proposal): string {
  const w = proposalWords();
  const rules = p.rules.join(", ");
  return p.kind === "promotion" ? w.reasonMissed(rules) : w.reason(rules);
}

/** applyProposal brings a proposal to the nodes: to judge beside the rules in use, for some clients, or for all. */
export async function applyProposal(p: Proposal, how: How, changed: () => void): Promise<void> {
  const w = proposalWords();
  const days = how.days ?? lifetime;
  try {
    const nodes = how.stage === "shadow" && !how.nodes?.length ? await usualNodes(p.site) : (how.nodes ?? []);
    await post(path(p, "apply"), {
      stage: how.stage, reason: how.reason || usualReason(p),
      ...(how.stage !== "all" && nodes.length > 0 ? { nodes } : {}),
      ...(how.stage === "canary" ? { share_percent: how.share ?? 10 } : {}),
      // On the way to another stage it keeps the owner and the time that it has.
      ...(p.stage ? {} : { expires: days > 0 ? `now+${days}d` : "", owner: how.owner ?? "" }),
    });
    tell({
      said: { all: w.appliedToast(p.site), shadow: w.shadowToast, canary: w.canaryToast(how.share ?? 10) }[how.stage],
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

async function usualNodes(site: string): Promise<string[]> {
  const { nodes } = await get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 });
  return nodesFor(site, nodes);
}

/** endProposal takes a proposal away: rolled back, or retired because it is not needed any more. */
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
  if (e.status === 409 && /bundle \S+ is being tried out/.test(e.message)) return proposalWords().otherTrial;
  return e.status === 400 || e.status === 409 ? refusalSaid(e.message, language()) : reasonOf(e);
}
