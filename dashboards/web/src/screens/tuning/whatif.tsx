import { useEffect, useState } from "preact/hooks";
import { ask, get, post, Refusal } from "../../api/client.ts";
import { mayLabel } from "../../api/session.ts";
import { Bar } from "../../parts/bar.tsx";
import { Button } from "../../parts/button.tsx";
import { roundMaximum } from "../../parts/interval.tsx";
import { Empty, Failed, Partial, Skeleton } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { whyOf } from "../../proposals/acts.ts";
import { count } from "../../words/format.ts";
import { linesOf, thresholdsOf, type Curve, type Measure, type PointRate, type WhatIfJob } from "./curve.ts";
import { tuningWords } from "./words.ts";

const url = "/api/v1/tuning:whatif";
const every = 1000;
const measures: Measure[] = ["blocked", "false_positive", "missed"];

/** WhatIf shows what other paranoia levels and thresholds would do to requests that nodes kept. */
export function WhatIf({ times }: { times: { from: string; to: string } }) {
  const w = tuningWords();
  const [job, setJob] = useState<WhatIfJob | undefined>(undefined);
  const [error, setError] = useState<Refusal | undefined>(undefined);
  const [known, setKnown] = useState(false);
  const [turn, setTurn] = useState(0);
  const running = job !== undefined && !job.end_time;
  const failed = (e: unknown) => setError(e instanceof Refusal ? e : new Refusal(0, String(e)));
  useEffect(() => {
    const stop = new AbortController();
    const look = () => get<{ job?: WhatIfJob | null }>(url, {}, stop.signal).then((x) => {
      setJob(x.job ?? undefined);
      setKnown(true);
      setError(undefined);
    }, (e) => { if (!stop.signal.aborted) failed(e); });
    if (!known) void look();
    const t = running ? setTimeout(() => void look(), every) : undefined;
    return () => {
      clearTimeout(t);
      stop.abort();
    };
  }, [job, turn]);
  const begin = () => {
    setError(undefined);
    post<{ job: WhatIfJob }>(url, times).then((x) => { setKnown(true); setJob(x.job); }, failed);
  };
  const stop = () => { if (job) ask<{ job: WhatIfJob }>("DELETE", `${url}?start_time=${encodeURIComponent(job.start_time)}`).then((x) => setJob(x.job), failed); };
  if (!known && error) return <section class="tb"><Failed error={error} retry={() => setTurn(turn + 1)} /></section>;
  if (!known) return <section class="tb"><Skeleton rows={8} height={32} /></section>;
  return (
    <section class="wi" tabIndex={0} aria-label={w.whatIf}>
      <div class="prog">
        <span class="t2">{running ? w.judging(job.stage, count(job.done), job.total > 0 ? count(job.total) : "") : w.whatIfHint}</span>
        {running && <Bar share={job.total > 0 ? job.done / job.total : 0.1} />}
        <span class="sp" />
        {running ? <Button disabled={!mayLabel()} title={mayLabel() ? undefined : w.mayNot} onClick={stop}>{w.stop}</Button>
          : <button type="button" class="btn pri" disabled={!mayLabel()} title={mayLabel() ? undefined : w.mayNot} onClick={begin}>{w.drawCurve}</button>}
      </div>
      {error && <p class="cb sm" role="alert">{whyOf(error)}</p>}
      {job?.error && <p class="cb sm" role="alert" lang="en"><Text v={job.error} /></p>}
      {job && <Partial warnings={[...job.warnings, ...(job.left_out ? [job.left_out] : [])]} />}
      {!running && (job?.curves ?? []).length === 0 && <Empty>{w.noCurve}</Empty>}
      {job?.curves.map((c) => <SiteCurve key={c.site} c={c} />)}
    </section>
  );
}

function SiteCurve({ c }: { c: Curve }) {
  const w = tuningWords();
  const names = { blocked: w.mBlocked, false_positive: w.mFp, missed: w.mMissed };
  return (
    <section class="p wic" aria-label={c.site}>
      <div class="ph"><h2><Text v={c.site} /></h2><span class="t3">{w.basis(count(c.n), count(c.n_requests))}</span><span class="sp" />
        <span class="t2">{w.nowAt(c.paranoia, c.threshold)}</span></div>
      {c.points.length === 0 && <p class="t2 wiy" lang="en"><Text v={c.why ?? ""} /></p>}
      {c.points.length > 0 && (
        <>
          <div class="wig">{measures.map((m) => <Chart c={c} m={m} name={names[m]} />)}</div>
          <table class="wit">
            <thead><tr><th>{w.paranoia}</th><th>{w.threshold}</th>{measures.map((m) => <th>{names[m]}</th>)}</tr></thead>
            <tbody>
              {c.points.map((p) => {
                const now = p.paranoia === c.paranoia && p.threshold === c.threshold;
                return <tr class={now ? "on" : ""}><td>{p.paranoia}{now && <span class="t3"> {w.inUse}</span>}</td><td>{p.threshold}</td>{measures.map((m) => <Cell r={p[m]} />)}</tr>;
              })}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}

function Cell({ r }: { r: PointRate }) {
  const w = tuningWords();
  if (typeof r.estimate !== "number") return <td class="t3" title={r.why}>{w.notEnough(count(r.n_labels))}</td>;
  return <td>{percentOf(r.estimate)} <span class="t3">{percentOf(r.lo ?? r.estimate, false)} – {percentOf(r.hi ?? r.estimate)}</span></td>;
}

function percentOf(x: number, unit = true): string {
  return `${(x * 100).toFixed(x < 0.1 ? 2 : 1)}${unit ? " %" : ""}`;
}

const tokens = ["--sev2", "--sev3", "--allowed", "--missed"]; // of levels 1 to 4
const [wide, high, left, low] = [300, 132, 34, 18];

/** Chart draws a measure over the thresholds, a line a level; the table below says the same. */
function Chart({ c, m, name }: { c: Curve; m: Measure; name: string }) {
  const w = tuningWords();
  const lines = linesOf(c, m);
  const ts = thresholdsOf(c);
  const max = roundMaximum(Math.max(0, ...lines.flatMap((l) => l.points.map((p) => p.hi))));
  const x = (t: number) => left + 8 + (ts.indexOf(t) * (wide - left - 44)) / Math.max(1, ts.length - 1);
  const y = (v: number) => 6 + (high - low - 6) * (1 - Math.min(v, max) / max);
  return (
    <figure>
      <figcaption>{name}</figcaption>
      {lines.length === 0 ? <p class="t3 sm">{w.notEnough(count(Math.max(0, ...c.points.map((p) => p[m].n_labels))))}</p> : (
        <svg viewBox={`0 0 ${wide} ${high}`} width={wide} height={high} aria-hidden="true">
          {[0, max / 2, max].map((v) => <><path d={`M${left} ${y(v)}H${wide - 30}`} stroke="var(--line)" /><text x={left - 4} y={y(v) + 4} text-anchor="end">{v * 100}%</text></>)}
          {ts.map((t) => <text x={x(t)} y={high - 3} text-anchor="middle">{t}</text>)}
          {lines.map((l) => (
            <g style={{ color: `var(${tokens[l.paranoia - 1] ?? "--line3"})` }}>
              {l.points.map((p) => <path d={`M${x(p.threshold)} ${y(p.lo)}V${y(p.hi)}`} stroke="currentColor" stroke-width="5" opacity=".22" />)}
              <path d={`M${l.points.map((p) => `${x(p.threshold)} ${y(p.estimate)}`).join("L")}`} fill="none" stroke="currentColor" stroke-width="1.25" />
              {l.points.map((p) => <circle cx={x(p.threshold)} cy={y(p.estimate)} r={p.now ? 5 : 2.5} fill={p.now ? "var(--surface)" : "currentColor"} stroke="currentColor" stroke-width="2" />)}
            </g>
          ))}
          {spread(lines.map((l) => ({ l, y: y(l.points[l.points.length - 1]!.estimate) }))).map(({ l, y: at }) => (
            <text x={x(l.points[l.points.length - 1]!.threshold) + 8} y={at + 4} style={{ fill: `var(${tokens[l.paranoia - 1] ?? "--line3"})` }}>PL{l.paranoia}</text>
          ))}
        </svg>
      )}
    </figure>
  );
}

/** spread keeps names at the ends of lines from standing on each other. */
function spread<T>(all: { l: T; y: number }[]): { l: T; y: number }[] {
  const sorted = [...all].sort((a, b) => b.y - a.y);
  sorted.forEach((s, i) => { if (i > 0) s.y = Math.min(s.y, sorted[i - 1]!.y - 12); });
  return sorted;
}
