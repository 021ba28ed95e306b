import { store } from "../../shell/store.ts";

/** A search under a name. The browser keeps it. */
export interface Saved {
  name: string;
  q: string;
}

const kept = "gw.saved";

function read(): Saved[] {
  try {
    const all: unknown = JSON.parse((typeof localStorage === "undefined" ? null : localStorage.getItem(kept)) ?? "[]");
    return Array.isArray(all) ? all.filter((s): s is Saved => typeof s?.name === "string" && typeof s?.q === "string") : [];
  } catch {
    return [];
  }
}

export const saved = store<Saved[]>(read());

function put(all: Saved[]): void {
  localStorage.setItem(kept, JSON.stringify(all));
  saved.set(all);
}

/** save keeps a search; one of that name is replaced. */
export function save(s: Saved): void {
  put([s, ...saved.get().filter((x) => x.name !== s.name)]);
}

export function unsave(name: string): void {
  put(saved.get().filter((x) => x.name !== name));
}
