import { useMemo } from "preact/hooks";
import { post } from "../../api/client.ts";
import type { Table } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Area } from "../../charts/area.tsx";
import { bucketsOf } from "../../charts/buckets.ts";
import { byDecision, sum } from "../../charts/layers.ts";
import { Icon } from "../../parts/icon.tsx";
import { Panel } from "../../parts/panel.tsx";
import { PlaceNode } from "../../parts/first.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { setRange } from "../../shell/range.ts";
import { link } from "../../shell/router.ts";
import { bucketOf, type Range } from "../../time/range.ts";
import { span } from "../../words/ago.ts";
import { count, percent } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { overviewWords } from "./words.ts";

interface Props {
  range: Range;
  times: { from: string; to: string };
  tick: number;
}

/** Traffic is what was allowed and blocked over time. */
export function Traffic({ range, times, tick }: Props) {
  const w = overviewWords();
  const bucket = bucketOf(range, 96);
  const of = useAnswer(`traffic ${times.from} ${times.to} ${tick}`, (s) => post<Table>("/api/v1/aggregate", {
    query: `waf.decision: * | stats n = count() by b = bucket(@timestamp, ${bucket}s), waf.decision`, ...times,
  }, s).then((t) => ({ buckets: bucketsOf(t, range, bucket), range })));
  const layers = useMemo(() => (of.data ? byDecision(of.data.buckets).map((l) => ({ ...l, alpha: l.token === "--blocked" ? 0.75 : 0.14 })) : []), [of.data, language()]);
  const [allowed, blocked] = [sum(layers[0]?.values ?? []), sum(layers[1]?.values ?? [])];
  return (
    <Panel title={w.traffic} note={w.per(span(bucket * 1000))} area="traf" side={of.data && (
      <span class="lgd">
        <a class="lg1" href={link("/search", { q: "waf.decision: allow", ...times })}><Icon name="g-allowed" small tone="a" /> <span class="t2">{w.allowed}</span> <b>{count(allowed)}</b></a>
        <a class="lg1" href={link("/search", { q: "waf.decision: block", ...times })}><Icon name="g-blocked" small tone="b" /> <span class="t2">{w.blocked}</span> <b>{count(blocked)}</b> <span class="t3">{percent(blocked / Math.max(1, blocked + allowed))}</span></a>
      </span>
    )}>
      <Answered of={of} rows={4} height={40}>
        {(d) => (allowed + blocked === 0 ? <Empty>{w.noTraffic} <PlaceNode /></Empty>
          : <Area label={w.traffic} times={d.buckets.times} layers={layers} range={d.range} height={168} onPick={(r) => setRange(r)} />)}
      </Answered>
    </Panel>
  );
}

const cells = 24;

/** Strips is one row a site: how much was blocked when, on one scale. */
export function Strips({ range, times, tick }: Props) {
  const w = overviewWords();
  const bucket = bucketOf(range, cells);
  const of = useAnswer(`strips ${times.from} ${times.to} ${tick}`, (s) => post<Table>("/api/v1/aggregate", {
    query: `waf.decision: * | stats n = count() by b = bucket(@timestamp, ${bucket}s), waf.site, waf.decision`, ...times,
  }, s).then((t) => {
    const of = (d: string) => bucketsOf({ ...t, rows: t.rows.filter((r) => r[2] === d).map((r) => [r[0]!, r[1]!, r[3]!]) }, range, bucket).series;
    return { blocked: of("block"), allowed: of("allow") };
  }));
  return (
    <Panel title={w.bySite} note={w.perCell(span(bucket * 1000))} area="strip" side={<span class="t3">{w.countShare}</span>}>
      <Answered of={of} rows={7} height={24}>
        {(d) => {
          const sites = [...new Set([...d.blocked.keys(), ...d.allowed.keys()])]
            .map((s) => ({ s, values: d.blocked.get(s) ?? [], n: sum(d.blocked.get(s) ?? []), all: sum(d.blocked.get(s) ?? []) + sum(d.allowed.get(s) ?? []) }))
            .sort((a, b) => b.n - a.n).slice(0, 30);
          const top = Math.max(1, ...sites.flatMap((x) => x.values));
          if (sites.length === 0) return <Empty>{w.noTraffic}</Empty>;
          return (
            <div class="sis scroll">{sites.map((x) => (
              <a class="si" href={link("/search", { q: `waf.decision: block${x.s ? ` and waf.site: ${quote(x.s)}` : ""}`, ...times })}>
                <span class="mono el"><Text v={x.s || "–"} /></span>
                <Strip values={x.values} top={top} label={w.tableOf(x.s)} />
                <span class="num">{count(x.n)}</span>
                <span class="num t3">{percent(x.n / Math.max(1, x.all))}</span>
              </a>
            ))}</div>
          );
        }}
      </Answered>
    </Panel>
  );
}

function Strip({ values, top, label }: { values: number[]; top: number; label: string }) {
  const n = Math.max(1, values.length);
  return (
    <svg class="heat c-b" viewBox={`0 0 ${n * 8} 14`} preserveAspectRatio="none" role="img" aria-label={label}>
      {values.map((v, i) => <rect x={i * 8} width="7" height="14" rx="1.5" fill="currentColor" opacity={v === 0 ? 0.07 : 0.15 + (0.85 * v) / top} />)}
    </svg>
  );
}
