import { get, Refusal } from "./client.ts";
import type { KeptRequest } from "./types.ts";

/** keptRequest reads the copy of a request, null if none was kept or the role may not read it. */
export async function keptRequest(id: string, node: string, signal: AbortSignal): Promise<KeptRequest | null> {
  if (id === "") return null;
  try {
    const r = await get<{ request: KeptRequest }>(`/api/v1/requests/${encodeURIComponent(id)}`, { node }, signal);
    return r.request;
  } catch (e) {
    if (e instanceof Refusal && (e.status === 404 || e.status === 403)) return null;
    throw e;
  }
}
