import { count, minute, second } from "../../words/format.ts";
import { roundUp, wholeMinutes } from "../trend.ts";
import type { Upstream } from "../state.ts";
import { wallWords } from "../words.ts";
import { Rolling } from "../rolling.tsx";
import { panel } from "./panel.ts";
import { time } from "./upstreams.tsx";
import { percent } from "../../words/format.ts";

const [width, height] = [1016, 102];

/** sums adds up the minutes of all services. */
export function sums(all: Upstream[], of: "requests" | "failed"): number[] {
  return Array.from({ length: 60 }, (_, i) => all.reduce((n, u) => n + (u[of]?.[i] ?? 0), 0));
}

panel("flow", ({ state, still }) => {
  const w = wallWords();
  const all = state.upstreams ?? [];
  const total = all.reduce((n, u) => n + (u.rate ?? 0), 0);
  const failed = all.reduce((n, u) => n + (u.rate ?? 0) * (u.errors ?? 0), 0);
  const share = total > 0 ? failed / total : 0;
  const slow = [...all].sort((a, b) => (b.p95_ms ?? 0) - (a.p95_ms ?? 0))[0];
  const hour = sums(all, "requests").reduce((a, b) => a + b, 0);
  return (
    <section class="totals">
      <div><span class="cx">{w.now}</span><span class="big"><Rolling n={Math.round(total * 60)} still={still} /><small>{w.perMinute}</small></span><i>{wholeMinutes(state) < 59 && state.counted_from ? w.inSince(count(hour), minute(new Date(state.counted_from))) : w.inHour(count(hour))}</i></div>
      <div><span class={share >= 0.01 ? "cf" : ""}>{share >= 0.01 ? "▲ " : ""}{w.failing}</span><b>{percent(share)}</b><i>{w.failingNote}</i></div>
      <div><span>{w.slowest}</span><b>{slow ? time(slow.p95_ms ?? 0) : "–"}</b><i>{w.slowestNote}</i></div>
      <div><span>{w.services}</span><Rolling n={all.length} still={still} /><i>{w.gateways(String(new Set(all.map((u) => u.gateway)).size))}</i></div>
    </section>
  );
});

panel("load", ({ state }) => {
  const w = wallWords();
  const [all, failed] = [sums(state.upstreams ?? [], "requests"), sums(state.upstreams ?? [], "failed")];
  // The minute of now is not over, and before the first whole one nothing was counted.
  const first = 59 - wholeMinutes(state);
  const top = roundUp(Math.max(1, ...all.slice(first, -1)));
  const x = (i: number) => ((i + 0.5) * width) / 59;
  const y = (v: number) => height - (Math.min(v, top) / top) * height;
  const line = (of: number[]) => of.slice(first, -1).map((v, i) => `${i === 0 ? "M" : "L"}${x(first + i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  const area = (of: number[]) => first < 59 ? `${line(of)}L${x(58).toFixed(1)} ${height}L${x(first).toFixed(1)} ${height}Z` : "";
  return (
    <section class="traffic">
      <h2>{w.load}<span class="key"><em class="ca">━ {w.answers}</em><em class="cf">■ 5xx</em></span></h2>
      <svg width={width} height={height + 30} viewBox={`0 -4 ${width} ${height + 30}`} role="img" aria-label={w.load}>
        {first < 58 && <path d={`M0 ${height / 2}H${width}M0 0H${width}`} stroke="var(--l)" />}
        <path d={`M0 ${height}H${width}`} stroke="var(--l2)" />
        <path d={area(all)} fill="var(--a)" opacity=".16" />
        <path d={line(all)} fill="none" stroke="var(--a)" stroke-width="2" />
        <path d={area(failed)} fill="var(--f)" opacity=".85" />
        {[60, 45, 30, 15, 0].map((m) => (
          <text x={((60 - m) / 60) * width} y={height + 22} text-anchor={m === 60 ? "start" : m === 0 ? "end" : "middle"}>{m === 0 ? w.now : w.minutesAgo(String(m))}</text>
        ))}
        {first < 58
          ? <text x={width} y="18" text-anchor="end">{w.traffic24(count(top))}</text>
          : <text x={width / 2} y={height / 2 + 6} text-anchor="middle">{w.countedFrom(second(new Date(state.counted_from ?? state.time)))}</text>}
      </svg>
    </section>
  );
});
