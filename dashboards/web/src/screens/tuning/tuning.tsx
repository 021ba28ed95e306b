import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { mayLabel } from "../../api/session.ts";
import type { Proposal } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Bar } from "../../parts/bar.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Segment } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { whyOf } from "../../proposals/acts.ts";
import { KindPill, ownerName, ProposalCard, Said, StatePill } from "../../proposals/card.tsx";
import { leftOutSaid } from "../../proposals/evidence.ts";
import { useJob } from "../../proposals/job.ts";
import { inOrder } from "../../proposals/order.ts";
import { Trial } from "../../rollout/trial.tsx";
import { useRollout } from "../../rollout/use.ts";
import { useKeys } from "../../shell/keys.ts";
import { useRange } from "../../shell/range.ts";
import { setParams, usePlace } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { count, day } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { WhatIf } from "./whatif.tsx";
import { tuningWords } from "./words.ts";

type Which = "all" | "proposed" | "applied" | "ended";

/** Tuning has exclusions, and what other levels and thresholds would do. */
export function Tuning() {
  const w = tuningWords();
  const { range } = useRange();
  const { params } = usePlace();
  const view = params.get("view") === "whatif" ? "whatif" : "exclusions";
  const choice = (
    <><Segment label={w.view} value={view} onChange={(v) => setParams({ view: v === "whatif" ? v : "" })} options={[{ key: "exclusions", text: w.list }, { key: "whatif", text: w.whatIf }]} /><span class="sp" /></>
  );
  if (view === "exclusions") return <Exclusions choice={choice} />;
  return (
    <>
      <TopBar title={w.title}>{choice}</TopBar>
      <main class="tu whole" id="main" tabIndex={-1}><WhatIf times={{ from: range.from.toISOString(), to: range.to.toISOString() }} /></main>
    </>
  );
}

/** Exclusions lists them and promotions: proposed, in use, ended; who answers for them and what they did. */
function Exclusions({ choice }: { choice: ComponentChildren }) {
  const w = tuningWords();
  const { range, tick } = useRange();
  const [which, setWhich] = useState<Which>("all");
  const [turn, setTurn] = useState(0);
  const [chosenId, choose] = useState(0);
  const search = useJob();
  const seen = useRef(search.found);
  const of = useAnswer(`proposals ${tick} ${turn} ${search.found?.length ?? -1}`, (s) => get<{ proposals: Proposal[] }>("/api/v1/proposals", { page_size: 1000 }, s));
  const rows = inOrder(of.data?.proposals ?? []).filter((p) => which === "all" || p.status === which || (which === "ended" && p.status !== "proposed" && p.status !== "applied"));
  // Searches and people change the list: what was chosen stays so wherever it stands now.
  const at = Math.max(0, rows.findIndex((p) => p.id === chosenId));
  const select = (i: number) => choose(rows[i]?.id ?? 0);
  useEffect(() => {
    // What a search found is what one looks at next, once it is in the list.
    if (search.found === seen.current) return;
    const i = rows.findIndex((p) => p.id === search.found?.[0]?.id);
    if (i < 0) return;
    seen.current = search.found;
    select(i);
  }, [search.found, of.data]);
  const chosen = rows[at];
  useEffect(() => { if (chosenId === 0 && chosen) choose(chosen.id); }, [chosen]);
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.next, run: () => select(Math.min(rows.length - 1, at + 1)) },
    { code: "KeyK", what: () => w.before, run: () => select(Math.max(0, at - 1)) },
  ]);
  const { job } = search;
  const rollout = useRollout(`${tick} ${turn}`);
  const serial = rollout.data?.rollout?.serial;
  const known = useRef(serial);
  useEffect(() => {
    // A rollout that others or a node have changed changes what proposals are.
    if (known.current !== undefined && serial !== known.current) setTurn((n) => n + 1);
    known.current = serial;
  }, [serial]);
  const running = job !== undefined && !job.end_time;
  const begin = (kind: string) => search.begin({ from: range.from.toISOString(), to: range.to.toISOString(), kind });
  return (
    <>
      <TopBar title={w.title}>{choice}</TopBar>
      <main class="tu" id="main" tabIndex={-1}>
        <section class="tb">
          <div class="tbar">
            <Segment label={w.status} value={which} onChange={setWhich} options={[
              { key: "all", text: w.all }, { key: "proposed", text: w.proposed }, { key: "applied", text: w.applied }, { key: "ended", text: w.ended },
            ]} />
            <span class="sp" />
            <button type="button" class="btn" disabled={!mayLabel() || running} title={mayLabel() ? w.promoteHint : w.mayNot} onClick={() => begin("promotion")}>{w.promote}</button>
            <button type="button" class="btn pri" disabled={!mayLabel() || running} title={mayLabel() ? w.seekHint : w.mayNot} onClick={() => begin("exclusion")}>{w.seek}</button>
          </div>
          {rollout.data && <Trial of={rollout.data} proposals={of.data?.proposals} changed={() => setTurn((n) => n + 1)} />}
          <div class="tnote t3" role="status">
            {search.error ? <span class="cb">{whyOf(search.error)}</span> : !job ? w.seekHint
              : job.end_time ? <>{job.kind === "promotion" ? w.endedMissed(job.proposals.length, count(job.missed), count(job.legitimate), job.unanswered.length) : w.ended2(job.proposals.length, count(job.wrong), count(job.judged))}{(job.guarded ?? 0) > 0 ? w.guarded(job.guarded!) : job.wrong > 0 && job.proposals.length === 0 && !job.error && w.noneFits}{job.left_out && <LeftOut text={job.left_out} />}{job.error && <span class="cb" lang="en"> <Text v={job.error} /></span>}</>
              : <span class="prog">{w.working(job.stage, count(job.done), job.total > 0 ? count(job.total) : "")}<Bar share={job.total > 0 ? job.done / job.total : 0.1} /></span>}
          </div>
          <Answered of={of} rows={12} height={32}>
            {() => (rows.length === 0 ? <Empty act={<a class="btn" href="/decisions">{w.toDecisions}</a>}>{w.empty}</Empty> : (
              <Rows rows={rows} height={32} id="tuning" label={w.list} selected={at} onSelect={select} stamp={language()} dim={of.busy}
                columns="104px 92px 90px minmax(90px,1fr) minmax(80px,.7fr) minmax(60px,.4fr) 64px 64px 92px 64px"
                head={[w.status, w.kind, w.site, w.path, w.rules, w.owner, w.effect, w.cost, w.expires, w.hits].map((x, i) => <span class={`hc${i > 5 && i !== 8 ? " num" : ""}`} role="columnheader" title={i === 6 ? w.effectTold : i === 7 ? w.costTold : undefined}><span class="el">{x}</span></span>)}
                row={(p) => [
                  <span role="gridcell"><StatePill p={p} /></span>,
                  <span role="gridcell"><KindPill p={p} /></span>,
                  <span role="gridcell" class="mono el"><Text v={p.site} /></span>,
                  <span role="gridcell" class="mono el"><Text v={p.path} /></span>,
                  <span role="gridcell" class="mono el t2">{p.rules.join(", ")}</span>,
                  <span role="gridcell" class="el t2">{p.status === "proposed" ? "–" : <Text v={ownerName(p)} />}</span>,
                  <span role="gridcell" class="num">{count(p.kind === "promotion" ? p.catches.length : p.unblocks.length)}</span>,
                  <span role="gridcell" class={`num${costs(p) > 0 ? " cb" : ""}`}>{count(costs(p))}</span>,
                  <span role="gridcell" class="t2">{p.expire_time ? day(new Date(p.expire_time)) : p.status === "proposed" ? "–" : w.never}</span>,
                  <span role="gridcell" class="num">{count(p.hits)}</span>,
                ]} />
            ))}
          </Answered>
        </section>
        <aside class="v tuv" aria-label={w.list}>
          {!chosen ? <Empty>{w.choose}</Empty> : (
            <>
              <div class="vb first"><div class="l1"><StatePill p={chosen} /><KindPill p={chosen} /><span class="mono el"><Text v={`${chosen.site} ${chosen.path}`} /></span></div></div>
              <div class="vb"><ProposalCard key={`${chosen.id} ${chosen.status} ${chosen.stage}`} p={chosen} changed={() => setTurn(turn + 1)} /></div>
              {chosen.evidence.length > 0 && (
                <div class="vb"><div class="sh"><h2>{w.evidence}</h2></div><ul class="tev">{chosen.evidence.map((e) => <li><Said detail={e.detail} /></li>)}</ul></div>
              )}
            </>
          )}
        </aside>
      </main>
    </>
  );
}

/** costs are what speaks against a proposal: attacks that pass, or harmless requests that are blocked. */
function costs(p: Proposal): number {
  return p.kind === "promotion" ? p.blocks.length : p.guard_lost.length + p.released.length;
}

function LeftOut({ text }: { text: string }) {
  const w = tuningWords();
  const said = leftOutSaid(text, language());
  return said.english ? <span lang="en"><Text v={w.leftOut(said.text)} /></span> : <>{w.leftOut(said.text)}</>;
}
