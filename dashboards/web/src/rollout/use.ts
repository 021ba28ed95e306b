import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client.ts";
import type { RolloutState } from "../api/types.ts";
import { useAnswer, type Answer } from "../api/use.ts";

const often = 3_000; // while something is under way
const seldom = 30_000;

/** useRollout follows the rollout in force; key asks anew when it changes. */
export function useRollout(key: string): Answer<RolloutState> {
  const [turn, setTurn] = useState(0);
  const of = useAnswer(`rollout ${key} ${turn}`, (s) => get<RolloutState>("/api/v1/rollouts/current", {}, s));
  const r = of.data?.rollout;
  const moving = r !== undefined && r !== null && (r.candidate !== "" || of.data!.nodes.some((n) => n.connected && n.status?.bundle_serial !== r.serial));
  useEffect(() => {
    const t = setInterval(() => { if (!document.hidden) setTurn((n) => n + 1); }, moving ? often : seldom);
    return () => clearInterval(t);
  }, [moving]);
  return of;
}
