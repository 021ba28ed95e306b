import { preference } from "../api/preferences.ts";

const most = 50;
const mostText = 6000; // the server keeps 8 KiB

const kept = preference<string[]>("history", [], (x) => (Array.isArray(x) ? x.filter((q) => typeof q === "string") : undefined));

/** queries are those that were asked, the newest first. */
export function queries(): string[] {
  return kept.get();
}

/** remember puts a query first; the oldest go when there are too many, or too much of them. */
export function remember(q: string): void {
  const s = q.trim();
  if (s === "" || kept.get()[0] === s) return;
  kept.set(newest([s, ...kept.get().filter((x) => x !== s)]));
}

/** newest is as much of the list as is kept. */
export function newest(all: string[]): string[] {
  const size = new TextEncoder();
  const out: string[] = [];
  let left = mostText;
  for (const q of all.slice(0, most)) {
    left -= size.encode(JSON.stringify(q)).length + 1;
    if (left < 0) break;
    out.push(q);
  }
  return out;
}
