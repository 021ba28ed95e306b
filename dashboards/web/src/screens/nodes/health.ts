import type { Node, NodeRollout, Source } from "../../api/types.ts";

/** What is to be said of a node; the first that holds. */
export type Health = "away" | "losing" | "behind" | "oldRules" | "healthy";

/** usualRuleset is the rule set that most nodes use. */
export function usualRuleset(nodes: Node[]): string {
  const n = new Map<string, number>();
  for (const x of nodes) n.set(x.ruleset, (n.get(x.ruleset) ?? 0) + 1);
  return [...n].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

const manyWaiting = 1000; // records in the spool that are more than a hiccup
const longBehind = 60_000; // so is a record that waits longer, in milliseconds

/** healthOf judges a node by what it says of itself. */
export function healthOf(x: Node, usual: string, rollout?: NodeRollout): Health {
  if (!x.connected) return "away";
  if (x.spool_overflow > 0) return "losing";
  if (x.spool_records > manyWaiting || x.lag_ms > longBehind) return "behind";
  if ((rollout?.drift ?? "") !== "" || x.ruleset !== usual) return "oldRules";
  return "healthy";
}

const quietAfter = 10 * 60_000;

/** quiet is whether a source has sent nothing for ten minutes. */
export function quiet(s: Source, now: Date): boolean {
  return !s.last_received_time || now.getTime() - new Date(s.last_received_time).getTime() > quietAfter;
}

/** shortRuleset is crs/4.25.0 and the first digits of its fingerprint. */
export function shortRuleset(name: string): string {
  const m = /^(?:crs\/)?([^+]*)\+?(?:sha256:)?([0-9a-f]*)/.exec(name);
  return m ? `${m[1]} ${m[2]!.slice(0, 4)}`.trim() : name;
}
