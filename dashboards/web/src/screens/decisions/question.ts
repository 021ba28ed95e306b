import { get, post } from "../../api/client.ts";
import { keptRequest } from "../../api/kept.ts";
import type { DecisionDetail, Events, Ref } from "../../api/types.ts";
import { quote } from "../../query/edit.ts";
import type { Whole } from "./detail.tsx";

/** whole reads a decision, its event, the copy of its request, and what the client did around it. */
export async function whole(ref: Ref, signal: AbortSignal): Promise<Whole> {
  const { decision: detail } = await get<{ decision: DecisionDetail }>(`/api/v1/decisions/${encodeURIComponent(ref.id)}`, { source: ref.source }, signal);
  const d = detail.decision;
  const t = new Date(d.time).getTime();
  const near = (query: string, from: number, to: number, n: number) => post<Events>("/api/v1/search", {
    query, from: new Date(from).toISOString(), to: new Date(to).toISOString(), page_size: n,
  }, signal).then((p) => p.events, () => []);
  const same = `event.dataset: ${quote(d.dataset)} and client.ip: ${quote(d.client)}`;
  const [events, kept, before, after] = await Promise.all([
    near(`event.id: ${quote(d.id)}`, t - 1000, t + 1000, 1),
    keptRequest(d.request_id, d.node, signal).catch(() => null),
    d.client ? near(same, t - 3600e3, t + 1, 8) : [],
    d.client ? near(`${same} | sort @timestamp | limit 8`, t + 1, t + 3600e3, 8) : [],
  ]);
  return { detail, event: events[0] ?? null, kept, near: [...before.reverse(), ...after] };
}
