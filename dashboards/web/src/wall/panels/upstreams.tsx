import { Text } from "../../parts/text.tsx";
import { count, percent } from "../../words/format.ts";
import type { Upstream } from "../state.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel, room } from "./panel.ts";

const [width, height] = [240, 40];

/** time is a length of time in ms, or in s from ten seconds. */
export function time(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(0)} s` : `${count(Math.round(ms))} ms`;
}

/** rate is requests a second with one digit while there are few. */
export function rate(n: number): string {
  return n < 10 ? n.toFixed(1) : count(Math.round(n));
}

/** bad is whether a share of failed answers is worth a colour. */
export function bad(u: { errors?: number }): boolean {
  return (u.errors ?? 0) >= 0.01;
}

/** Hour draws the requests of each minute of the last hour, those that failed in red at the foot. */
function Hour({ of }: { of: Upstream }) {
  const [all, failed] = [of.requests ?? [], of.failed ?? []];
  const top = Math.max(1, ...all);
  const w = width / 60;
  const bars = (n: number[]) => n.map((v, i) => (v > 0 ? `M${(i * w + w / 2).toFixed(1)} ${height}V${(height - Math.max(1.5, (v / top) * height)).toFixed(1)}` : "")).join("");
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path d={bars(all)} stroke="var(--a)" stroke-width={w - 1.2} opacity=".55" />
      <path d={bars(failed)} stroke="var(--f)" stroke-width={w - 1.2} />
      <path d={`M0 ${height - 0.5}H${width}`} stroke="var(--l2)" />
    </svg>
  );
}

panel("upstreams", ({ state, rows }) => {
  const w = wallWords();
  const all = state.upstreams ?? [];
  return (
    <section style={room(74, 58, rows)}>
      <Head title={w.upstreams}>{w.upstreamsNote}</Head>
      <div class="up uphead"><span>{w.service}</span><span>{w.lastHour}</span><span class="num">{w.perSecond}</span><span class="num">p50</span><span class="num">p95</span><span class="num">4xx</span><span class="num">5xx</span></div>
      {all.slice(0, rows).map((u, i) => (
        <div class="up" key={i}>
          <span class="el"><b class={bad(u) ? "mono cf" : "mono"}>{bad(u) ? "▲ " : ""}<Text v={u.name || u.gateway || "?"} /></b><br /><span class="mono t3"><Text v={u.gateway ?? ""} /></span></span>
          <Hour of={u} />
          <b class="num">{rate(u.rate ?? 0)}</b>
          <span class="num t2">{time(u.p50_ms ?? 0)}</span>
          <span class="num">{time(u.p95_ms ?? 0)}</span>
          <span class="num t2">{percent(u.refused ?? 0)}</span>
          <b class={bad(u) ? "num cf" : "num t2"}>{percent(u.errors ?? 0)}</b>
        </div>
      ))}
      {all.length === 0 && <p class="none">{w.noUpstreams}<br /><code class="mono">gatewatch ingest --server {location.origin} --format nginx.access --source gateway-1 access.log</code></p>}
    </section>
  );
});
