import { useState } from "preact/hooks";
import { mayRoll } from "../api/session.ts";
import type { Proposal } from "../api/types.ts";
import { Button, IconButton } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Pill } from "../parts/pill.tsx";
import { Text } from "../parts/text.tsx";
import { quote } from "../query/edit.ts";
import { link } from "../shell/router.ts";
import { copy } from "../shell/topbar.tsx";
import { tell } from "../shell/undo.ts";
import { ago } from "../words/ago.ts";
import { count, day } from "../words/format.ts";
import { language } from "../words/language.ts";
import { applyProposal, endProposal, lifetime } from "./acts.ts";
import { Effect } from "./effect.tsx";
import { costOf, disputedOf, guardOf, proposalSaid } from "./evidence.ts";
import { Form } from "./form.tsx";
import { proposalWords } from "./words.ts";

/** ownerName is the name in what the server says of an owner: administrator "ann". */
export function ownerName(p: Proposal): string {
  return /"(.+)"$/.exec(p.owner)?.[1] ?? p.owner;
}

/** StatePill says where a proposal stands. */
export function StatePill({ p }: { p: Proposal }) {
  const w = proposalWords();
  if (p.status === "applied" && p.stage === "shadow") return <Pill tone="n" icon="clock">{w.shadowing}</Pill>;
  if (p.status === "applied") return <Pill tone="a" icon="check">{p.stage === "canary" ? w.canary : w.applied}</Pill>;
  return <Pill tone="n">{p.status === "retired" ? w.retiredState : w[p.status]}</Pill>;
}

/** KindPill says what a proposal is for: letting false positives pass, or blocking missed attacks. */
export function KindPill({ p }: { p: Proposal }) {
  const w = proposalWords();
  return p.kind === "promotion" ? <Pill tone="m" icon="g-missed">{w.promotion}</Pill> : <Pill tone="f" icon="g-fp">{w.exclusion}</Pill>;
}

/** Said is a sentence of the server about a proposal. */
export function Said({ detail }: { detail: string }) {
  const { text, english } = proposalSaid(detail, language());
  return english ? <span lang="en"><Text v={text} /></span> : <Text v={text} />;
}

/** ProposalCard has the directive, what its replay told, and the acts. */
export function ProposalCard({ p, changed }: { p: Proposal; changed: () => void }) {
  const w = proposalWords();
  const [busy, setBusy] = useState(false);
  const [asking, ask] = useState(false);
  const run = (f: Promise<void>) => {
    setBusy(true);
    void f.finally(() => setBusy(false));
  };
  const open = p.status !== "retired" && (p.stage === "" || p.stage !== "all");
  // Without a stage it has not been tried out.
  const disputed = p.stage === "" ? disputedOf(p.evidence) : 0;
  const allBarred = p.guard_lost.length > 0 ? w.lost(count(p.guard_lost.length)) : disputed > 0 ? w.disputed(count(disputed)) : "";
  const acts = open || p.stage !== "";
  const barred = acts && !mayRoll() ? w.onlyAdmin : open ? allBarred : "";
  const again = p.status === "expired" || p.status === "rolled_back";
  return (
    <div class="pcard">
      <div class="dir">
        <pre lang="en" tabIndex={0}>{p.directive.trim().split("\n").map((l) => <><Text v={l} />{"\n"}</>)}</pre>
        <IconButton icon="copy" small label={w.copy} onClick={() => { void copy(p.directive); tell({ said: w.copied }); }} />
      </div>
      <Replayed p={p} />
      <p class="t3 sm">
        {p.stage === "" ? w.willExpire(day(new Date(Date.now() + lifetime * 86400e3))) : p.expire_time ? w.expires(day(new Date(p.expire_time))) : w.never}
        {p.status !== "proposed" && p.update_time && ` · ${w.by(ownerName(p), ago(new Date(p.update_time)))}`}
      </p>
      {p.status === "applied" && p.reason && p.reason !== p.evidence[0]?.detail && <p class="t2 sm"><Text v={w.because(p.reason)} /></p>}
      {p.stage !== "" && <Effect p={p} />}
      {p.retire && <p class="cf sm"><Said detail={p.retire} /></p>}
      {!asking && (
        <div class="acts">
          {open && <button type="button" class={disputed > 0 ? "btn" : "btn pri"} title={w.hintAll} disabled={barred !== "" || busy} onClick={() => run(applyProposal(p, { stage: "all" }, changed))}>{busy ? w.busy : again ? w.applyAgain(p.site) : w.apply(p.site)}</button>}
          {open && <Button {...(disputed > 0 ? { kind: "pri" as const } : {})} disabled={!mayRoll() || busy} onClick={() => ask(true)}>{p.stage === "" ? w.tryOut : w.otherStage}</Button>}
          {p.stage !== "" && <Button icon="undo" title={w.rollbackHint} disabled={!mayRoll() || busy} onClick={() => run(endProposal(p, "rollback", changed))}>{w.rollback}</Button>}
          {p.stage === "all" && <Button kind="gh" title={w.retireHint} disabled={!mayRoll() || busy} onClick={() => run(endProposal(p, "retire", changed))}>{w.retire}</Button>}
        </div>
      )}
      {asking && <Form p={p} allBarred={allBarred} busy={busy} onCancel={() => ask(false)} onDone={(how) => run(applyProposal(p, how, changed).then(() => ask(false)))} />}
      {barred && !asking && <p class="t3 sm">{barred}</p>}
    </div>
  );
}

/** Replayed are the lines of what the replay told. */
function Replayed({ p }: { p: Proposal }) {
  const w = proposalWords();
  if (p.kind === "promotion") {
    return (
      <>
        <Line ok={p.catches.length > 0} text={w.catches} n={p.catches.length} p={p} ids={p.catches} />
        <Line ok={p.blocks.length === 0} text={w.blocks} n={p.blocks.length} p={p} ids={p.blocks} />
        {p.cost !== undefined && <p class="t3 sm">{w.cost(costOf(p.cost), costOf(p.cost_lo ?? p.cost), costOf(p.cost_hi ?? p.cost))}</p>}
      </>
    );
  }
  return (
    <>
      <Line ok={p.unblocks.length > 0} text={w.unblocks} n={p.unblocks.length} p={p} ids={p.unblocks} />
      <Line ok={p.released.length === 0} text={w.released} n={p.released.length} p={p} ids={p.released} />
      {guardOf(p.evidence) === 0 ? <div class="rr"><Icon name="minus" /><span class="t2">{w.noGuard}</span></div> : <Line ok={p.guard_lost.length === 0} text={w.guard} n={p.guard_lost.length} />}
    </>
  );
}

const shown = 50; // decisions in a link
const back = 30 * 86400e3; // how long before it was found they may have been made

function Line({ ok, text, n, p, ids = [] }: { ok: boolean; text: string; n: number; p?: Proposal; ids?: string[] }) {
  const w = proposalWords();
  const to = ids.length === 0 || !p ? "" : link("/search", {
    q: `event.id: (${ids.slice(0, shown).map(quote).join(" or ")})`, from: new Date(new Date(p.create_time).getTime() - back).toISOString(), to: new Date().toISOString(),
  });
  return <div class="rr"><Icon name={ok ? "check" : "g-fp"} tone={ok ? "a" : "f"} /><span>{text}</span>{to && <a href={to} aria-label={w.showThem(text)}>{w.show}</a>}<b>{count(n)}</b></div>;
}
