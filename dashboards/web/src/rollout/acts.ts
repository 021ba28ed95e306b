import { get, post } from "../api/client.ts";
import type { Proposal, Rollout, RolloutState } from "../api/types.ts";
import { whyOf } from "../proposals/acts.ts";
import { tell } from "../shell/undo.ts";
import { rolloutWords } from "./words.ts";

/** promote takes what is on trial to all nodes: by its proposal, so that the audit log tells of it, else by its bundle. */
export async function promote(r: Rollout, trial: Proposal[]): Promise<void> {
  const w = rolloutWords();
  const reason = "promoted in the console";
  await done(async () => {
    await unchanged(r);
    if (trial[0]) await post(`/api/v1/proposals/${trial[0].id}:apply`, { stage: "all", reason });
    else await post(`/api/v1/bundles/${r.candidate}/rollouts`, { stage: "all", reason });
  }, w.promoted);
}

/** endTrial takes back what is on trial, and nothing else: what all nodes use stays. */
export async function endTrial(r: Rollout, trial: Proposal[]): Promise<void> {
  const w = rolloutWords();
  const reason = "trial ended in the console";
  await done(async () => {
    await unchanged(r);
    if (trial.length > 0) {
      for (const p of trial) await post(`/api/v1/proposals/${p.id}:rollback`, { reason });
      return;
    }
    if (r.stable) await post(`/api/v1/bundles/${r.stable}/rollouts`, { stage: "all", reason });
    else await post("/api/v1/rollouts:rollback", { reason });
  }, w.trialEnded);
}

/** unchanged refuses to act on a rollout that is over: nodes may have taken it back since it was drawn. */
async function unchanged(r: Rollout): Promise<void> {
  const now = await get<RolloutState>("/api/v1/rollouts/current");
  if (now.rollout?.serial !== r.serial) throw new Error(rolloutWords().changed);
}

async function done(act: () => Promise<void>, said: string): Promise<void> {
  try {
    await act();
    tell({ said });
  } catch (e) {
    tell({ said: rolloutWords().failed(e instanceof Error && e.message !== "" && !("status" in e) ? e.message : whyOf(e)), failed: true });
  }
}
