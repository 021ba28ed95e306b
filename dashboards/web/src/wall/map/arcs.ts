import { unwrap } from "./projection.ts";
import { origin, type Place } from "./places.ts";
import type { Arc } from "../state.ts";

/** Where requests that were blocked came from, all their arcs together. */
export interface Source {
  place: Place;
  count: number;
  suspects: boolean; // all that came from here was allowed and is suspect
}

/** One line of the map. */
export interface Line {
  from: Place;
  to: Place;
  count: number;
  recent: number;
  missed: boolean;
}

export interface Drawn {
  lines: Line[];
  sources: Source[]; // the most first
  unknown: number; // requests whose origin nobody knows
}

/** draw puts arcs on the map: those between the same places are one line. */
export function draw(arcs: Arc[], home: (site: string) => Place): Drawn {
  const lines = new Map<string, Line>();
  const sources = new Map<string, Source>();
  let unknown = 0;
  for (const a of arcs) {
    const from = origin(a.country, a.city);
    const n = a.count ?? 0;
    if (!from) {
      unknown += n;
      continue;
    }
    const to = home(a.site ?? "");
    const missed = a.missed === true;
    const key = `${from.at}`;
    const s = sources.get(key) ?? { place: from, count: 0, suspects: true };
    sources.set(key, { ...s, count: s.count + n, suspects: s.suspects && missed });
    const path = `${key} ${to.at} ${missed}`;
    const l = lines.get(path) ?? { from, to, count: 0, recent: 0, missed };
    lines.set(path, { ...l, count: l.count + n, recent: l.recent + (a.recent ?? 0) });
  }
  return { lines: [...lines.values()].sort((a, b) => b.count - a.count), sources: [...sources.values()].sort((a, b) => b.count - a.count), unknown };
}

/** leftward is whether the name of a place stands better on its left: at the right edge of the map. */
export function leftward(p: Place): boolean {
  return unwrap(p.at[0]) > 275;
}
