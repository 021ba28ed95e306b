import { ask, get, post } from "../../api/client.ts";

/** A search that the server keeps: of one's own, or one that others share. */
export interface Saved {
  id?: string;
  name: string;
  query: string;
  from: string; // as a link has it: RFC 3339, or now-1h
  to: string;
  columns: string[];
  shared: boolean;
  owner?: string;
  mine?: boolean;
}

/** savedSearches lists them by name. */
export async function savedSearches(signal: AbortSignal): Promise<Saved[]> {
  const all: Saved[] = [];
  let token = "";
  do {
    const p = await get<{ searches: Saved[]; next_page_token: string }>("/api/v1/searches", { page_size: 500, page_token: token }, signal);
    all.push(...p.searches);
    token = p.next_page_token;
  } while (token !== "");
  return all;
}

async function put(s: Saved): Promise<Saved> {
  const { name, query, from, to, columns, shared } = s;
  const { search } = await post<{ search: Saved }>("/api/v1/searches", { search: { ...(s.id ? { id: s.id } : {}), name, query, from, to, columns, shared } });
  return search;
}

/** save keeps a search, in the place of one's own of that name. The answer takes it back. */
export async function save(s: Saved, all: Saved[]): Promise<() => Promise<void>> {
  const before = all.find((x) => x.mine && x.name === s.name);
  const now = await put({ ...s, ...(before?.id ? { id: before.id } : {}) });
  return async () => {
    if (before) await put(before);
    else await ask("DELETE", `/api/v1/searches/${encodeURIComponent(now.id!)}`);
  };
}

/** unsave deletes a search. The answer brings it back, under another id. */
export async function unsave(s: Saved): Promise<() => Promise<void>> {
  await ask("DELETE", `/api/v1/searches/${encodeURIComponent(s.id!)}`);
  return async () => {
    await put({ ...s, id: "" });
  };
}

/** ownerName is the name in what the server says of an owner: "account ann". */
export function ownerName(s: Saved): string {
  return (s.owner ?? "").replace(/^\S+ /, "");
}
