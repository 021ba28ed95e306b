import { useEffect, useState } from "preact/hooks";
import { post, Refusal } from "../../api/client.ts";
import { mayRoll, session } from "../../api/session.ts";
import type { Group, RolloutState, Table } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Button, IconButton, Key } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { reasonOf } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { copy } from "../../shell/topbar.tsx";
import { tell } from "../../shell/undo.ts";
import { ago } from "../../words/ago.ts";
import { count, day } from "../../words/format.ts";
import type { Whole } from "./detail.tsx";
import { compose } from "./exclusion.ts";
import { filterOf } from "./groups.ts";
import { lifetimeMs, present, rollBack, rollOut, type Plan } from "./rollout.ts";
import { without } from "./score.tsx";
import { decisionWords } from "./words.ts";

interface Props {
  of: Whole;
  group: Group;
  range: { from: string; to: string };
  focus: number; // rises with each e
}

/** Proposal is an exclusion for the group: its directive, what it would change, and the acts. */
export function Proposal({ of, group, range, focus }: Props) {
  const w = decisionWords();
  const threshold = Number(of.event?.["waf.threshold"] ?? 5);
  const made = compose(group, of.detail, 9_900_000);
  const [turn, setTurn] = useState(0);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (focus > 0) document.getElementById("proposal")?.scrollIntoView({ block: "nearest" });
    if (focus > 0) document.querySelector<HTMLElement>("#proposal .btn:not(:disabled)")?.focus();
  }, [focus]);
  const now = useAnswer(`rollout ${turn}`, present);
  const sure = useAnswer(made ? `sure ${filterOf(group)} ${range.from} ${range.to}` : undefined, (s) => post<Table>("/api/v1/aggregate", {
    query: `${filterOf(group)} and verdict.p_attack >= 0.9 | stats n = count()`, ...range,
  }, s).then((t) => Number(t.rows[0]?.[0] ?? 0)));

  const name = `gw-${group.rule}-${group.site}${group.path_template}`.replace(/[^A-Za-z0-9_.-]+/g, "-").slice(0, 100);
  const plan: Plan = {
    name, site: group.site, path: group.path_template, owner: session.get()?.user.name || "console", reason: `false positives of ${group.rule}`,
    directive: (id) => compose(group, of.detail, id)!.directive,
  };
  const run = async (stage: "shadow" | "all") => {
    setBusy(true);
    try {
      await rollOut(plan, stage);
      tell({
        said: stage === "all" ? w.appliedToast(group.site) : w.shadowToast,
        undo: async () => {
          await rollBack(`undo of ${name}`);
          setTurn((n) => n + 1);
        },
      });
    } catch (e) {
      tell({ said: w.proposeFailed(e instanceof Refusal ? `${reasonOf(e)} ${e.message}` : String(e)), failed: true });
    }
    setBusy(false);
    setTurn((n) => n + 1);
  };
  const before = of.detail.decision.anomaly_score;
  const after = made ? without(of.detail, made.rules) : before;
  const attacks = sure.data ?? 0;
  const labelled = group.labels.filter((l) => l.label === "true_positive").reduce((a, l) => a + l.n, 0);
  const barred = !mayRoll() ? w.onlyAdmin : attacks > 0 ? w.lostAttacks(count(attacks)) : "";
  return (
    <section class="vb prop" id="proposal" aria-label={w.proposed}>
      <div class="sh"><h2>{w.proposed}</h2><Key>e</Key><span class="sp" />{made && <span class="t3">{made.targets.length === 1 ? w.scopeOne : w.scopePath}</span>}</div>
      {!made ? <p class="t3 sm">{w.cannot}</p> : (
        <>
          <div class="dir">
            <pre lang="en" tabIndex={0}><Lines text={made.directive} /></pre>
            <IconButton icon="copy" small label={w.copyDirective} onClick={() => { void copy(made.directive); tell({ said: w.copiedDirective }); }} />
          </div>
          <Line ok={after < threshold} text={after < threshold ? w.passes(before, after) : w.stays(before, after)} />
          <Line ok={sure.data !== undefined && attacks === 0} text={w.sureAttacks} hint={w.sureHint} figure={sure.data === undefined ? "–" : `${count(attacks)} / ${count(group.n)}`} />
          <Line ok={labelled === 0} text={w.labelledAttacks} figure={count(labelled)} />
          <p class="t3 sm">{w.expires(day(new Date(Date.now() + lifetimeMs)))}</p>
          <div class="acts">
            <button type="button" class="btn pri" disabled={barred !== "" || busy} onClick={() => void run("all")}>{busy ? w.applying : w.apply(group.site)}</button>
            <Button disabled={!mayRoll() || busy} onClick={() => void run("shadow")}>{w.shadow}</Button>
          </div>
          {barred && <p class="t3 sm">{barred}</p>}
        </>
      )}
      {now.data?.rollout && <InForce state={now.data} again={() => setTurn((n) => n + 1)} />}
    </section>
  );
}

function Lines({ text }: { text: string }) {
  return <>{text.split("\n").map((l) => <><Text v={l} />{"\n"}</>)}</>;
}

function Line({ ok, text, hint, figure }: { ok: boolean; text: string; hint?: string; figure?: string }) {
  return (
    <div class="rr" title={hint}><Icon name={ok ? "check" : "g-fp"} tone={ok ? "a" : "f"} /><span>{text}</span>{figure && <b>{figure}</b>}</div>
  );
}

interface Counts {
  shadow_same?: number;
  shadow_newly_allowed?: number;
  shadow_newly_blocked?: number;
  shadow_skipped?: number;
}

/** InForce is the rollout of now: what nodes count beside it, and the way back. */
function InForce({ state, again }: { state: RolloutState; again: () => void }) {
  const w = decisionWords();
  const r = state.rollout!;
  useEffect(() => {
    const t = setInterval(again, 5000);
    return () => clearInterval(t);
  }, []);
  if (r.stable === "" && r.candidate === "") return null;
  const when = ago(new Date(r.create_time));
  const sum = (k: keyof Counts) => state.nodes.reduce((a, n) => a + Number((n as { status?: { counts?: Counts } }).status?.counts?.[k] ?? 0), 0);
  const taken = state.nodes.filter((n) => n.serial === r.serial && n.result === "BUNDLE_RESULT_APPLIED").length;
  return (
    <div class="inforce">
      <p class="t2"><Icon name={r.stage === "shadow" ? "clock" : "check"} small /> {r.stage === "shadow" ? w.shadowing(when) : w.applied(r.actor, when)} · {w.nodes(taken, state.nodes.length)}</p>
      {taken === 0 && <p class="cf sm">{w.notTrusted}</p>}
      {r.stage === "shadow" && taken > 0 && (
        <>
          <Line ok text={w.same} figure={count(sum("shadow_same"))} />
          <Line ok text={w.newlyAllowed} figure={count(sum("shadow_newly_allowed"))} />
          <Line ok={sum("shadow_newly_blocked") === 0} text={w.newlyBlocked} figure={count(sum("shadow_newly_blocked"))} />
        </>
      )}
      {mayRoll() && <Button icon="undo" onClick={() => {
        rollBack("console").then(() => { tell({ said: w.rolledBack }); again(); }, (e: unknown) => tell({ said: w.proposeFailed(e instanceof Refusal ? reasonOf(e) : String(e)), failed: true }));
      }}>{w.rollback}</Button>}
    </div>
  );
}
