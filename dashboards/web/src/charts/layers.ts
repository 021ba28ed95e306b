import { dictionary } from "../words/dictionary.ts";
import type { Buckets } from "./buckets.ts";
import type { Layer } from "./histogram.tsx";

const words = dictionary("layers", {
  allowed: "Allowed", blocked: "Blocked", rest: "Other logs", other: "Other", none: "Without",
}, {
  allowed: "放行", blocked: "拦截", rest: "其他日志", other: "其他", none: "无此字段",
});

/** sum of a layer. */
export function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** byDecision has what is no decision at the bottom, then allowed, then blocked. */
export function byDecision(b: Buckets): Layer[] {
  const w = words();
  const none = new Array<number>(b.times.length).fill(0);
  return [
    { name: w.rest, token: "--line3", alpha: 0.45, values: b.series.get("") ?? none },
    { name: w.allowed, token: "--allowed", alpha: 0.55, values: b.series.get("allow") ?? none },
    { name: w.blocked, token: "--blocked", values: b.series.get("block") ?? none },
  ].filter((l, i) => i > 0 || sum(l.values) > 0);
}

const tokens = ["--sev2", "--sev3", "--allowed", "--missed", "--sev4"];

/** byValue has the five most frequent values, then the others in grey. */
export function byValue(b: Buckets): Layer[] {
  const w = words();
  const all = [...b.series].map(([name, values]) => ({ name, values, n: sum(values) })).sort((x, y) => y.n - x.n);
  const named = all.filter((x) => x.name !== "").slice(0, 5);
  const rest = all.filter((x) => !named.includes(x));
  const layers: Layer[] = named.map((x, i) => ({ name: x.name, token: tokens[i]!, alpha: 0.85, values: x.values }));
  if (rest.length > 0) {
    const values = b.times.map((_, i) => rest.reduce((a, x) => a + x.values[i]!, 0));
    const name = rest.length === 1 && rest[0]!.name === "" ? w.none : w.other;
    layers.unshift({ name, token: "--line3", alpha: 0.45, values });
  }
  return layers;
}
