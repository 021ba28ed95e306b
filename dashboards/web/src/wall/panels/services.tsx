import { Text } from "../../parts/text.tsx";
import type { ComponentChildren } from "preact";
import { percent } from "../../words/format.ts";
import type { Upstream } from "../state.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel, room } from "./panel.ts";
import { bad, rate, time } from "./upstreams.tsx";

/** Ranked are the services with the most of something, a bar under each. */
function Ranked({ all, of, say, tone }: { all: Upstream[]; of: (u: Upstream) => number; say: (u: Upstream) => ComponentChildren; tone: string }) {
  const most = Math.max(...all.map(of), 0);
  return (
    <>
      {all.map((u, i) => (
        <div class="bar" key={i}>
          <div><span class="mono el"><Text v={u.name || u.gateway || "?"} /></span><b>{say(u)}</b></div>
          <i><i class={tone} style={{ transform: `scaleX(${most > 0 ? of(u) / most : 0})` }} /></i>
        </div>
      ))}
    </>
  );
}

panel("failing", ({ state, rows }) => {
  const w = wallWords();
  const all = (state.upstreams ?? []).filter((u) => (u.errors ?? 0) > 0).sort((a, b) => b.errors! - a.errors!).slice(0, rows);
  return (
    <section style={room(40, 49, rows)}>
      <Head title={w.failingMost}>5xx</Head>
      <Ranked all={all} of={(u) => u.errors ?? 0} say={(u) => percent(u.errors ?? 0)} tone="bf" />
      {all.length === 0 && ((state.upstreams ?? []).length > 0 ? <p class="none ca">○ {w.noneFails}</p> : <p class="none">{w.none}</p>)}
    </section>
  );
});

panel("slow", ({ state, rows }) => {
  const w = wallWords();
  const all = (state.upstreams ?? []).filter((u) => (u.p95_ms ?? 0) > 0).sort((a, b) => b.p95_ms! - a.p95_ms!).slice(0, rows);
  return (
    <section style={room(40, 49, rows)}>
      <Head title={w.slowMost}>p95</Head>
      <Ranked all={all} of={(u) => u.p95_ms ?? 0} say={(u) => time(u.p95_ms ?? 0)} tone="bs" />
      {all.length === 0 && <p class="none">{(state.upstreams ?? []).length > 0 ? w.noTimes : w.none}</p>}
    </section>
  );
});

panel("services", ({ state, rows }) => {
  const w = wallWords();
  const all = (state.sites ?? []).slice(0, rows);
  return (
    <section style={room(40, 41, rows)}>
      <Head title={w.behindGate}>{w.behindNote}</Head>
      {all.map((s, i) => (
        <div class="site" key={i}>
          <span class="mono el"><Text v={s.name || "?"} /></span><b class="num">{rate(s.rate ?? 0)}</b><span class="num cb">{percent(s.blocked ?? 0)}</span><span class={bad(s) ? "num cf" : "num t2"}>{time(s.p95_ms ?? 0)}</span>
        </div>
      ))}
      {all.length === 0 && <p class="none">{w.none}</p>}
    </section>
  );
});
