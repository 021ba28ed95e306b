import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { mayRoll } from "../api/session.ts";
import type { NodeRollout, Proposal, Rollout, RolloutState } from "../api/types.ts";
import { Button } from "../parts/button.tsx";
import { Pill } from "../parts/pill.tsx";
import { Text } from "../parts/text.tsx";
import { ago } from "../words/ago.ts";
import { count, percent } from "../words/format.ts";
import { endTrial, promote } from "./acts.ts";
import { concerned, countsOf, doingOf, onTrial, share, takenBack, type Doing } from "./state.ts";
import { rolloutWords } from "./words.ts";

/** actorName is the name in what the server says of an actor: administrator "ann". */
export function actorName(actor: string): string {
  return /"(.+)"$/.exec(actor)?.[1] ?? actor;
}

/** Trial says what is on trial, what each node makes of it, and ends it or brings it to all, once the proposals are known that it may be about. */
export function Trial({ of, proposals, changed, link }: { of: RolloutState; proposals: Proposal[] | undefined; changed: () => void; link?: ComponentChildren }) {
  const w = rolloutWords();
  const [busy, setBusy] = useState(false);
  const r = of.rollout;
  const back = takenBack(of);
  if (back) return <p class="stale rob" role="status">{w.takenBack(ago(new Date(back.create_time)))}<span lang="en"><Text v={back.reason} /></span></p>;
  if (!r || r.candidate === "") return null;
  const trial = onTrial(proposals ?? []);
  const known = proposals !== undefined;
  const run = (f: Promise<void>) => {
    setBusy(true);
    void f.finally(() => { setBusy(false); changed(); });
  };
  const lost = trial.some((p) => p.guard_lost.length > 0);
  return (
    <section class="ro" aria-label={w.onTrial}>
      <div class="rol">
        <Pill tone="n" icon="clock">{w.onTrial}</Pill>
        <b>{trial.length > 0 ? trial.map((p) => w.exclusion(p.id)).join(", ") : <span class="mono">{w.bundle(r.candidate.slice(0, 12))}</span>}</b>
        <span class="t2">{r.stage === "shadow" ? w.shadow : w.canary(`${r.share_percent} %`)} · {w.where(r.nodes.length > 0 ? r.nodes.join(", ") : w.allNodes)} · <Text v={w.by(actorName(r.actor), ago(new Date(r.create_time)))} /></span>
        <span class="sp" />
        {link}
        <Button kind="pri" disabled={!mayRoll() || !known || busy || lost} title={mayRoll() ? undefined : w.onlyAdmin} onClick={() => run(promote(r, trial))}>{w.toAll}</Button>
        <Button icon="undo" disabled={!mayRoll() || !known || busy} title={mayRoll() ? undefined : w.onlyAdmin} onClick={() => run(endTrial(r, trial))}>{w.end}</Button>
      </div>
      <TrialTable r={r} nodes={concerned(of)} />
    </section>
  );
}

/** DoingPill names what a node makes of a rollout. */
export function DoingPill({ doing }: { doing: Doing }) {
  const w = rolloutWords();
  const tones = { away: "f", refused: "b", withdrawn: "b", waiting: "n", apart: "n", uses: "a" } as const;
  const icons = { away: "g-fp", refused: "x", withdrawn: "undo", waiting: "clock", apart: "minus", uses: "check" } as const;
  return <Pill tone={tones[doing]} icon={icons[doing]}>{w[doing]}</Pill>;
}

function TrialTable({ r, nodes }: { r: Rollout; nodes: NodeRollout[] }) {
  const w = rolloutWords();
  const shadow = r.stage === "shadow";
  const skipped = nodes.reduce((n, x) => n + (countsOf(r, x)?.shadow_skipped ?? 0), 0);
  return (
    <div class="rot">
      <table class="grid">
        <thead><tr><th class="w">{w.node}</th><th>{w.state}</th>
          {(shadow ? [w.judged, w.same, w.newlyBlocked, w.newlyAllowed] : [w.judged, w.blockedTrial, w.blockedNow, w.errors]).map((x) => <th class="num">{x}</th>)}</tr></thead>
        <tbody>{nodes.map((n) => <tr>
          <td class="w mono"><Text v={n.node} /></td>
          <td><DoingPill doing={doingOf(r, n)} />{n.serial === r.serial && n.reason && <span class="cb" lang="en"> <Text v={n.reason} /></span>}</td>
          {shadow ? <ShadowCells r={r} n={n} /> : <CanaryCells r={r} n={n} />}
        </tr>)}</tbody>
      </table>
      <p class="t3 sm">{w.since}{skipped > 0 && ` ${w.skipped(count(skipped))}`}</p>
    </div>
  );
}

function ShadowCells({ r, n }: { r: Rollout; n: NodeRollout }) {
  const c = countsOf(r, n);
  if (!c) return <>{[0, 1, 2, 3].map(() => <td class="num t3">–</td>)}</>;
  const judged = c.shadow_same + c.shadow_newly_blocked + c.shadow_newly_allowed;
  return (
    <>
      <td class="num">{count(judged)}</td><td class="num t2">{count(c.shadow_same)}</td>
      <td class={`num${c.shadow_newly_blocked > 0 ? " cb" : ""}`}>{count(c.shadow_newly_blocked)}</td><td class="num">{count(c.shadow_newly_allowed)}</td>
    </>
  );
}

function CanaryCells({ r, n }: { r: Rollout; n: NodeRollout }) {
  const c = countsOf(r, n);
  if (!c) return <>{[0, 1, 2, 3].map(() => <td class="num t3">–</td>)}</>;
  const of = (x: number | undefined) => (x === undefined ? "–" : percent(x));
  return (
    <>
      <td class="num">{count(c.candidate.requests)}</td>
      <td class="num">{count(c.candidate.blocked)} <span class="t3">{of(share(c.candidate))}</span></td>
      <td class="num t2">{count(c.stable.blocked)} <span class="t3">{of(share(c.stable))}</span></td>
      <td class={`num${c.candidate.errors > 0 ? " cf" : " t2"}`}>{count(c.candidate.errors)}</td>
    </>
  );
}
