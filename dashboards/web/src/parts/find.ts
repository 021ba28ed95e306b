import type { Span } from "./text.tsx";

/** find gives where the needles are in a text, in any case, without overlaps; at most 20. */
export function find(text: string, needles: string[]): Span[] {
  const low = text.toLowerCase();
  if (low.length !== text.length) return []; // folding moved the places
  const all: Span[] = [];
  for (const n of needles) {
    const want = n.toLowerCase();
    if (want.length < 2) continue;
    for (let i = low.indexOf(want); i >= 0 && all.length < 200; i = low.indexOf(want, i + want.length)) {
      all.push({ from: i, to: i + want.length });
    }
  }
  all.sort((a, b) => a.from - b.from || b.to - a.to);
  const out: Span[] = [];
  for (const s of all) {
    if (out.length === 20) break;
    if (out.length === 0 || s.from >= out[out.length - 1]!.to) out.push(s);
  }
  return out;
}
