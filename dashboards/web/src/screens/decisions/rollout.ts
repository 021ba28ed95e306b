import { get, post } from "../../api/client.ts";
import type { Bundle, Node, RolloutState } from "../../api/types.ts";

/** The text of a bundle, as far as an exclusion is added to it. */
interface BundleText {
  version: number;
  crs: string;
  setup?: unknown[];
  sites?: unknown[];
  exclusions?: { id: string; directive: string }[];
}

/** How long an exclusion holds. */
export const lifetimeMs = 90 * 86400e3;

/** present is the rollout in force. */
export function present(signal?: AbortSignal): Promise<RolloutState> {
  return get<RolloutState>("/api/v1/rollouts/current", {}, signal);
}

/** base is the bundle that is in use, or an empty one for the rules of the nodes. */
async function base(): Promise<BundleText> {
  const now = await present();
  const stable = now.rollout?.stable ?? "";
  if (stable !== "") {
    const { text } = await get<{ text: string; bundle: Bundle }>(`/api/v1/bundles/${stable}`);
    return JSON.parse(text) as BundleText;
  }
  const nodes = await fleet();
  const crs = /crs\/(\d+\.\d+\.\d+)/.exec(nodes.map((n) => n.ruleset).join(" "))?.[1] ?? "";
  return { version: 1, crs };
}

async function fleet(): Promise<Node[]> {
  return (await get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 })).nodes;
}

/** nextId is an id of a rule that no exclusion of the bundle has. */
export function nextId(b: BundleText): number {
  const used = new Set((b.exclusions ?? []).flatMap((e) => [...e.directive.matchAll(/\bid:(\d+)/g)].map((m) => Number(m[1]))));
  let id = 9_900_000;
  while (used.has(id)) id++;
  return id;
}

/** What is rolled out: where, why, and who answers for it. */
export interface Plan {
  name: string;
  site: string;
  path: string;
  owner: string;
  reason: string;
  directive: (id: number) => string;
}

/** rollOut adds an exclusion to the bundle in use, and brings it to the nodes: to judge beside it, or in its place. */
export async function rollOut(p: Plan, stage: "shadow" | "all"): Promise<void> {
  const b = await base();
  const expires = new Date(Math.floor((Date.now() + lifetimeMs) / 1000) * 1000).toISOString().replace(".000Z", "Z");
  const kept = (b.exclusions ?? []).filter((e) => e.id !== p.name);
  const added = { id: p.name, site: p.site, path: p.path, owner: p.owner, reason: p.reason, expires, directive: p.directive(nextId({ ...b, exclusions: kept })) };
  const made = await post<{ bundle: Bundle }>("/api/v1/bundles", { text: JSON.stringify({ ...b, exclusions: [...kept, added] }) });
  const nodes = stage === "shadow" ? (await fleet()).filter((n) => n.sites.includes(p.site)).map((n) => n.name) : [];
  await post(`/api/v1/bundles/${made.bundle.name}/rollouts`, { stage, nodes, reason: p.reason });
}

export async function rollBack(reason: string): Promise<void> {
  await post("/api/v1/rollouts:rollback", { reason });
}
