import { useMemo } from "preact/hooks";
import type { Stats } from "../../api/types.ts";
import type { Answer } from "../../api/use.ts";
import type { Buckets } from "../../charts/buckets.ts";
import { Histogram } from "../../charts/histogram.tsx";
import { byDecision, byValue, sum } from "../../charts/layers.ts";
import { Icon, type IconName } from "../../parts/icon.tsx";
import { Partial } from "../../parts/states.tsx";
import { Segment } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { setRange } from "../../shell/range.ts";
import { setParams } from "../../shell/router.ts";
import type { Range } from "../../time/range.ts";
import { count } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { setBrush, type Split } from "./state.ts";
import { searchWords } from "./words.ts";

interface Counted {
  buckets: Buckets;
  stats: Stats;
  bucket: number;
  range: Range;
}

const glyphs: Record<string, IconName> = { "--allowed": "g-allowed", "--blocked": "g-blocked" };

/** Head tells how many events there are and when. */
export function Head({ of, split, brush, stats, more }: { of: Answer<Counted>; split: Split; brush: Range | undefined; stats: Stats | undefined; more: number }) {
  const w = searchWords();
  const d = of.data;
  const layers = useMemo(() => (d ? (split === "decision" ? byDecision(d.buckets) : byValue(d.buckets)) : []), [d, split, language()]);
  const total = layers.reduce((a, l) => a + sum(l.values), 0) + more;
  const warnings = [...new Set([...(stats?.warnings ?? []), ...(d?.stats.warnings ?? [])])];
  return (
    <section class={`hi${of.busy && d ? " dim" : ""}`}>
      <div class="hh">
        {d && <span><b>{count(total)}</b> <span class="t2">{w.eventsWord}</span></span>}
        {d && <span class="t3 cost">{w.scanned(count(d.stats.rows_read), w.ms((parseFloat(d.stats.took) * 1000).toFixed(0)))}</span>}
        <Partial warnings={warnings} />
        <span class="sp" />
        <span class="lgd">
          {[...layers].reverse().map((l) => (
            <span class="lg1">
              {split === "decision" && glyphs[l.token] ? <Icon name={glyphs[l.token]!} small tone={l.token === "--blocked" ? "b" : "a"} />
                : <i class="sw" style={{ background: `var(${l.token})`, opacity: l.alpha ?? 1 }} />}
              <span class="t2 el"><Text v={l.name} /></span> <span>{count(sum(l.values))}</span>
            </span>
          ))}
        </span>
        <Segment label={w.split} value={split} onChange={(s) => setParams({ by: s === "decision" ? "" : s }, true)}
          options={[{ key: "decision", text: w.byDecision }, { key: "site", text: w.bySite }, { key: "status", text: w.byStatus }]} />
      </div>
      {d && total === 0 ? null : d ? <Histogram times={d.buckets.times} bucket={d.bucket} layers={layers} range={d.range} brush={brush} onBrush={setBrush} onZoom={(r) => setRange(r)} />
        : <div class="hist" />}
    </section>
  );
}
