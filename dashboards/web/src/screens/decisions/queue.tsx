import { useEffect, useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import type { Group, Table } from "../../api/types.ts";
import { bucketsOf } from "../../charts/buckets.ts";
import { ruleTitle, severityOfRule } from "../../crs/titles.ts";
import { Bar } from "../../parts/bar.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Severity } from "../../parts/severity.tsx";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Text } from "../../parts/text.tsx";
import { bucketOf, type Range } from "../../time/range.ts";
import { count, probability } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { filterOf, keyOf, wrongOf } from "./groups.ts";
import { decisionWords } from "./words.ts";

interface Props {
  groups: Group[];
  selected: number;
  marked: ReadonlySet<string>;
  range: Range;
  dim: boolean;
  onSelect: (i: number) => void;
  onEnd: () => void;
}

/** QueueList shows groups of decisions, those that are worth most first. */
export function QueueList({ groups, selected, marked, range, dim, onSelect, onEnd }: Props) {
  const w = decisionWords();
  return (
    <Rows rows={groups} height={73} id="groups" label={w.queue} selected={selected} dim={dim} stamp={language()}
      onSelect={onSelect} onEnd={onEnd} rowClass={(g) => `gr${marked.has(keyOf(g)) ? " mk" : ""}`}
      row={(g) => <div role="gridcell"><GroupRow g={g} range={range} /></div>} />
  );
}

function GroupRow({ g, range }: { g: Group; range: Range }) {
  const w = decisionWords();
  const blocked = g.decision === "block";
  const p = wrongOf(g);
  return (
    <>
      <div class="g1">
        {g.rule ? <Severity level={severityOfRule(g.rule)} /> : null}
        <span class="mono rid"><Text v={g.rule || g.site} /></span>
        <span class="el ti">{g.rule ? ruleTitle(g.rule) : w.unmatched}</span>
      </div>
      <div class="g2 mono el" title={`${g.site}${g.path_template} ${g.variable}`}>
        <span class="t3"><Text v={g.site} /></span><Text v={g.path_template} /> <span class="t3"><Text v={g.variable} /></span>
      </div>
      <div class="g3">
        <span><b>{count(g.n)}</b> {w.hitsWord}</span>
        <span><b>{count(g.clients)}</b> {w.clients(g.clients)}</span>
        <Trend g={g} range={range} />
        <span title={w.p}><Bar share={p} tone={blocked ? "f" : "m"} /></span>
        <span class="pv">{probability(p)}</span>
      </div>
    </>
  );
}

const trends = new Map<string, number[]>();

/** Trend asks for the counts of one group over time, once a group and range. */
function Trend({ g, range }: { g: Group; range: Range }) {
  const key = `${keyOf(g)} ${range.from.getTime()} ${range.to.getTime()}`;
  const [values, set] = useState(trends.get(key));
  useEffect(() => {
    if (trends.has(key)) return set(trends.get(key));
    const stop = new AbortController();
    const bucket = bucketOf(range, 30);
    post<Table>("/api/v1/aggregate", {
      query: `${filterOf(g)} | stats n = count() by b = bucket(@timestamp, ${bucket}s), waf.decision`,
      from: range.from.toISOString(), to: range.to.toISOString(),
    }, stop.signal).then((t) => {
      if (trends.size > 2000) trends.clear();
      trends.set(key, bucketsOf(t, range, bucket).series.get(g.decision) ?? []);
      set(trends.get(key));
    }, () => {
      // The figures beside it stand without the shape.
    });
    return () => stop.abort();
  }, [key]);
  return <Sparkline values={values ?? []} wide={70} />;
}
