import { useEffect, useState } from "preact/hooks";
import { mayLabel } from "../../api/session.ts";
import type { Decision } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { ruleTitle } from "../../crs/titles.ts";
import { Bar } from "../../parts/bar.tsx";
import { Button, Key } from "../../parts/button.tsx";
import { DecisionCell } from "../../parts/pill.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Answered, Empty, Failed, Skeleton } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { whyOf } from "../../proposals/acts.ts";
import { QueryBar } from "../../query/bar.tsx";
import { useKeys } from "../../shell/keys.ts";
import { useRange } from "../../shell/range.ts";
import { go, link, setParams, usePlace } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { tell } from "../../shell/undo.ts";
import { count, second } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { permalink } from "../search/flyout.tsx";
import { Detail } from "./detail.tsx";
import { draw, drawnDecisions, groupOfOne, labelDrawn, refOf } from "./drawn.ts";
import type { Verdict } from "./labelling.ts";
import { Queues } from "./queues.tsx";
import { whole } from "./question.ts";
import { Opinion, Reasons } from "./verdict.tsx";
import { decisionWords } from "./words.ts";

const budget = 50;
const noFields: never[] = [];

/** Sample is the queue of decisions that were drawn at random: their labels make rates honest. */
export function Sample() {
  const w = decisionWords();
  const { range, tick } = useRange();
  const { params } = usePlace();
  const filter = params.get("q") ?? "";
  const times = { from: range.from.toISOString(), to: range.to.toISOString() };
  const [turn, setTurn] = useState(0);
  const of = useAnswer(`drawn ${filter} ${times.from} ${times.to} ${tick} ${turn}`, (s) => drawnDecisions(filter, times, s));
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(0);
  useEffect(() => setGone(new Set()), [of.data]);
  const rows = (of.data?.waiting ?? []).filter((d) => !gone.has(refOf(d)));
  const chosen: Decision | undefined = rows[Math.min(at, rows.length - 1)];
  const shown = useAnswer(chosen ? refOf(chosen) : undefined, (s) => whole(chosen!, s));
  const done = (of.data?.labelled ?? 0) + gone.size;

  const pick = (i: number) => setAt(Math.max(0, Math.min(rows.length - 1, i)));
  const label = (v: Verdict) => {
    if (!mayLabel() || !chosen) return;
    const d = chosen;
    const with_ = (x: string) => setGone((s) => new Set([...s, x]));
    const without = (x: string) => setGone((s) => new Set([...s].filter((y) => y !== x)));
    void labelDrawn(d, v, () => with_(refOf(d)), () => { without(refOf(d)); setTurn((n) => n + 1); });
  };
  const more = () => {
    draw(filter, times, budget).then(
      (n) => { tell({ said: w.drawn(count(n)) }); setTurn((x) => x + 1); },
      (e: unknown) => tell({ said: w.failed(whyOf(e)), failed: true }),
    );
  };
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.nextOne, run: () => pick(at + 1) },
    { code: "KeyK", what: () => w.beforeOne, run: () => pick(at - 1) },
    { code: "KeyF", what: () => (chosen?.decision === "allow" ? w.lHarmless : w.lFp), run: () => label("legitimate") },
    { code: "KeyT", what: () => w.lAttack, run: () => label("attack") },
    { code: "KeyB", what: () => w.lTest, run: () => label("test") },
    { code: "KeyU", what: () => w.lUnsure, run: () => label("unsure") },
    { code: "Enter", what: () => w.openEvents, run: () => shown.data?.event && go(permalink(shown.data.event)) },
  ]);
  const wrong = of.error?.status === 400 && of.error.column > 0 ? of.error : undefined;
  const drawButton = <Button kind="pri" disabled={!mayLabel()} title={mayLabel() ? undefined : w.mayNot} onClick={more}>{w.draw(budget)}</Button>;
  return (
    <>
      <TopBar title={w.title}><QueryBar icon="filter" value={filter} fields={noFields} error={wrong} busy={of.busy} onAsk={(q) => setParams({ q })} /></TopBar>
      <main class="tri" id="main" tabIndex={-1}>
        <section class="q" aria-label={w.sample}>
          <div class="qh">
            <Queues queue="sample" counts={{ sample: of.data ? count(rows.length) + (of.data.more ? "+" : "") : "" }} />
            <div class="qs t3"><span class="el" title={w.sampleWhy}>{w.sampleNote}</span>
              {rows.length > 0 && mayLabel() && <button type="button" class="lnk" onClick={more}>{w.draw(budget)}</button>}</div>
          </div>
          <Answered of={of} rows={8} height={54}>
            {(d) => (rows.length > 0 ? <DrawnList rows={rows} at={Math.min(at, rows.length - 1)} dim={of.busy} onSelect={pick} />
              : <Empty act={<>{drawButton}{done > 0 && <a class="btn" href={link("/overview", times)}>{w.toRates}</a>}</>}>
                  {d.labelled + gone.size > 0 ? w.sampleDone(count(done)) : w.noneDrawn}</Empty>)}
          </Answered>
          {done + rows.length > 0 && <div class="qf t3"><span>{w.reviewed(done, done + rows.length)}</span><Bar share={done / Math.max(1, done + rows.length)} /><span class="kk"><Key>j</Key> <Key>k</Key> {w.move}</span></div>}
        </section>
        <Pane chosen={chosen} shown={shown} label={label} />
      </main>
    </>
  );
}

function DrawnList({ rows, at, dim, onSelect }: { rows: Decision[]; at: number; dim: boolean; onSelect: (i: number) => void }) {
  const w = decisionWords();
  return (
    <Rows rows={rows} height={54} id="drawn" label={w.sample} selected={at} dim={dim} stamp={language()} onSelect={onSelect} rowClass={() => "gr dr"}
      row={(d) => (
        <div role="gridcell">
          <div class="g1"><DecisionCell decision={d.decision} /><span class="el ti">{d.rules[0] ? <><span class="mono rid"><Text v={d.rules[0]} /></span> {ruleTitle(d.rules[0])}</> : w.unmatched}</span>
            <span class="sp" /><span class="t3 mono">{second(new Date(d.time))}</span></div>
          <div class="g2 mono el"><span class="t3"><Text v={`${d.method} ${d.site}`} /></span><Text v={d.path} /></div>
        </div>
      )} />
  );
}

function Pane({ chosen, shown, label }: { chosen: Decision | undefined; shown: ReturnType<typeof useAnswer<Awaited<ReturnType<typeof whole>>>>; label: (v: Verdict) => void }) {
  if (!chosen) return <><section class="c" /><aside class="v" /></>;
  if (shown.error && !shown.busy) return <><section class="c"><Failed error={shown.error} retry={shown.retry} /></section><aside class="v" /></>;
  if (!shown.data) return <><section class="c"><Skeleton rows={12} height={30} /></section><aside class="v"><Skeleton rows={8} height={30} /></aside></>;
  const group = groupOfOne(shown.data.detail.decision);
  return (
    <>
      <section class={`c${shown.busy ? " dim" : ""}`}><Detail of={shown.data} group={group} example={0} onExample={() => undefined} /></section>
      <aside class={`v${shown.busy ? " dim" : ""}`} aria-label={decisionWords().p}>
        <Opinion of={shown.data} group={group} marked={0} onLabel={label} />
        <Reasons of={shown.data} />
      </aside>
    </>
  );
}
