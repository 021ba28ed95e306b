import { useState } from "preact/hooks";
import { mayRoll } from "../api/session.ts";
import type { Proposal } from "../api/types.ts";
import { Button, IconButton } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { Pill } from "../parts/pill.tsx";
import { Text } from "../parts/text.tsx";
import { copy } from "../shell/topbar.tsx";
import { tell } from "../shell/undo.ts";
import { ago } from "../words/ago.ts";
import { count, day } from "../words/format.ts";
import { language } from "../words/language.ts";
import { applyProposal, endProposal, lifetimeMs } from "./acts.ts";
import { disputedOf, proposalSaid } from "./evidence.ts";
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

/** Said is a sentence of the server about a proposal. */
export function Said({ detail }: { detail: string }) {
  const { text, english } = proposalSaid(detail, language());
  return english ? <span lang="en"><Text v={text} /></span> : <Text v={text} />;
}

/** ProposalCard has the directive, what its replay told, and the acts. */
export function ProposalCard({ p, changed }: { p: Proposal; changed: () => void }) {
  const w = proposalWords();
  const [busy, setBusy] = useState(false);
  const run = (f: Promise<void>) => {
    setBusy(true);
    void f.finally(() => setBusy(false));
  };
  const open = p.status === "proposed" || (p.status === "applied" && p.stage !== "all");
  // Without a stage it has not been tried out.
  const disputed = p.stage === "" ? disputedOf(p.evidence) : 0;
  const barred = !mayRoll() ? w.onlyAdmin : p.guard_lost.length > 0 ? w.lost(count(p.guard_lost.length)) : disputed > 0 ? w.disputed(count(disputed)) : "";
  return (
    <div class="pcard">
      <div class="dir">
        <pre lang="en" tabIndex={0}>{p.directive.trim().split("\n").map((l) => <><Text v={l} />{"\n"}</>)}</pre>
        <IconButton icon="copy" small label={w.copy} onClick={() => { void copy(p.directive); tell({ said: w.copied }); }} />
      </div>
      <Line ok={p.unblocks.length > 0} text={w.unblocks} n={p.unblocks.length} />
      <Line ok={p.released.length === 0} text={w.released} n={p.released.length} />
      <Line ok={p.guard_lost.length === 0} text={w.guard} n={p.guard_lost.length} />
      <p class="t3 sm">
        {p.status === "proposed" ? w.willExpire(day(new Date(Date.now() + lifetimeMs))) : p.expire_time ? w.expires(day(new Date(p.expire_time))) : w.never}
        {p.status !== "proposed" && p.update_time && ` · ${w.by(ownerName(p), ago(new Date(p.update_time)))}`}
        {p.hits > 0 && ` · ${w.hits(count(p.hits))}`}
      </p>
      {p.retire && <p class="cf sm"><Said detail={p.retire} /></p>}
      <div class="acts">
        {open && <button type="button" class={disputed > 0 ? "btn" : "btn pri"} disabled={barred !== "" || busy} onClick={() => run(applyProposal(p, "all", changed))}>{busy ? w.busy : w.apply(p.site)}</button>}
        {p.status === "proposed" && <Button {...(disputed > 0 ? { kind: "pri" as const } : {})} disabled={!mayRoll() || busy} onClick={() => run(applyProposal(p, "shadow", changed))}>{w.shadow}</Button>}
        {p.status === "applied" && <Button icon="undo" disabled={!mayRoll() || busy} onClick={() => run(endProposal(p, "rollback", changed))}>{w.rollback}</Button>}
        {p.status === "applied" && p.stage === "all" && <Button kind="gh" disabled={!mayRoll() || busy} onClick={() => run(endProposal(p, "retire", changed))}>{w.retire}</Button>}
      </div>
      {barred && open && <p class="t3 sm">{barred}</p>}
    </div>
  );
}

function Line({ ok, text, n }: { ok: boolean; text: string; n: number }) {
  return <div class="rr"><Icon name={ok ? "check" : "g-fp"} tone={ok ? "a" : "f"} /><span>{text}</span><b>{count(n)}</b></div>;
}
