import { useState } from "preact/hooks";
import { get, post, Refusal } from "../../api/client.ts";
import { mayLabel } from "../../api/session.ts";
import type { Rate, Rates } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Button } from "../../parts/button.tsx";
import { Interval } from "../../parts/interval.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Answered, Empty, Partial, reasonOf } from "../../parts/states.tsx";
import { link } from "../../shell/router.ts";
import { tell } from "../../shell/undo.ts";
import { count } from "../../words/format.ts";
import { overviewWords } from "./words.ts";

const goals: Record<Rate["rate"], number> = { false_positive: 0.01, missed: 0.05, false_block_share: 0.1 };
const order: Rate["rate"][] = ["false_positive", "missed", "false_block_share"];

/** Quality shows how often the WAF is wrong, with intervals, or that nobody can say yet. */
export function Quality({ times, tick }: { times: { from: string; to: string }; tick: number }) {
  const w = overviewWords();
  const [again, setAgain] = useState(0);
  const of = useAnswer(`rates ${times.from} ${times.to} ${tick} ${again}`, (s) => get<Rates>("/api/v1/decisions:rates", { ...times, by: "all" }, s));
  const whole = (d: Rates) => order.map((r) => d.rates.find((x) => x.scope === "all" && x.rate === r)).filter((x) => x !== undefined);
  const labels = of.data ? Math.max(0, ...whole(of.data).map((r) => r.n_labels)) : 0;
  const draw = () => {
    post<{ drawn: unknown[] }>("/api/v1/decisions:sample", { ...times, budget: 50, seed: Date.now() % 4294967296 }).then(
      (r) => { tell({ said: w.drawn(count(r.drawn.length)) }); setAgain(again + 1); },
      (e: unknown) => tell({ said: e instanceof Refusal ? reasonOf(e) : String(e), failed: true }),
    );
  };
  return (
    <Panel title={w.quality} note={<>{w.estimated(count(labels))} {of.data && <Partial warnings={of.data.warnings} />}</>} area="rates"
      side={<>{mayLabel() && labels === 0 && of.data && whole(of.data).length > 0 && <Button onClick={draw}>{w.draw}</Button>}<span class="t3"><span class="gl" />{w.goal}</span></>}>
      <Answered of={of} rows={3} height={73}>{(d) => (whole(d).length === 0 ? <Empty>{w.noRates}</Empty> : <>{whole(d).map((r) => <RateRow r={r} times={times} />)}</>)}</Answered>
    </Panel>
  );
}

function RateRow({ r, times }: { r: Rate; times: { from: string; to: string } }) {
  const w = overviewWords();
  const [name, note] = { false_positive: [w.rFp, w.rFpNote], missed: [w.rMissed, w.rMissedNote], false_block_share: [w.rShare, w.rShareNote] }[r.rate];
  const known = r.estimate !== undefined && r.lo !== undefined && r.hi !== undefined;
  return (
    <div class="rate">
      <div class="rl"><b>{name}</b><span class="t3">{note}</span></div>
      {known ? (
        <>
          <span class="rv">{(r.estimate! * 100).toFixed(r.estimate! < 0.1 ? 2 : 1)} %</span>
          <Interval estimate={r.estimate!} lo={r.lo!} hi={r.hi!} tone={r.rate === "missed" ? "m" : "f"} goal={goals[r.rate]} />
        </>
      ) : <><span class="rv t3">–</span><span class="t2 ne" title={r.why}>{w.notEnough(count(r.n_labels))} <a href={link("/decisions", { ...times, queue: "sample" })}>{w.labelMore}</a></span></>}
      <div class="rn"><span class="t2">n = {count(r.n_labels)}</span><span class="t3">{w.ofDecisions(count(r.n))}</span></div>
    </div>
  );
}
