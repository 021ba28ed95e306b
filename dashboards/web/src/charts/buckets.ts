import type { Table } from "../api/types.ts";
import type { Range } from "../time/range.ts";

/** Counts over time by a value; null values have the key "". */
export interface Buckets {
  times: number[]; // seconds
  series: Map<string, number[]>;
}

/** bucketsOf reads rows [time, value, n], fills empty buckets with 0. */
export function bucketsOf(t: Table, range: Range, bucket: number): Buckets {
  const first = Math.floor(range.from.getTime() / 1000 / bucket) * bucket;
  const n = Math.max(1, Math.ceil((range.to.getTime() / 1000 - first) / bucket));
  const times = Array.from({ length: n }, (_, i) => first + i * bucket);
  const series = new Map<string, number[]>();
  for (const [at, value, count] of t.rows) {
    const i = Math.round((new Date(String(at)).getTime() / 1000 - first) / bucket);
    if (i < 0 || i >= n) continue;
    const key = value === null || value === undefined ? "" : String(value);
    let s = series.get(key);
    if (!s) series.set(key, (s = new Array<number>(n).fill(0)));
    s[i]! += Number(count);
  }
  return { times, series };
}
