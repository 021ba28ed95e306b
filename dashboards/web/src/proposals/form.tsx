import { useState } from "preact/hooks";
import { get } from "../api/client.ts";
import { session } from "../api/session.ts";
import type { Node, Proposal } from "../api/types.ts";
import { useAnswer } from "../api/use.ts";
import { Button } from "../parts/button.tsx";
import { Segment } from "../parts/tabs.tsx";
import { Text } from "../parts/text.tsx";
import { nodesFor } from "../rollout/state.ts";
import { lifetime, usualReason, type How, type Stage } from "./acts.ts";
import { proposalWords } from "./words.ts";

const shares = [1, 5, 10, 25, 50];
const lifetimes = [7, 30, 90, 365, 0];

/** Form asks how a proposal is brought to the nodes. What its bundle holds on trial already is not asked again. */
export function Form({ p, allBarred, busy, onDone, onCancel }: { p: Proposal; allBarred: string; busy: boolean; onDone: (how: How) => void; onCancel: () => void }) {
  const w = proposalWords();
  const [stage, setStage] = useState<Stage>(p.stage === "shadow" ? "canary" : "shadow");
  const [share, setShare] = useState(10);
  const [days, setDays] = useState(lifetime);
  const [owner, setOwner] = useState(session.get()?.user.name ?? "");
  const [reason, setReason] = useState(usualReason(p));
  const [chosen, choose] = useState<string[] | undefined>(undefined);
  const of = useAnswer("nodes", (s) => get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 }, s));
  const nodes = of.data ? nodesFor(p.site, of.data.nodes) : [];
  const on = chosen ?? nodes;
  const trial = stage !== "all";
  const why = stage === "all" ? allBarred : trial && of.data && on.length === 0 ? w.noNodes : "";
  // Where nobody has taken one out, nodes that connect later are part of a canary, too.
  const named = stage === "shadow" || chosen ? on : [];
  return (
    <form class="pform" aria-label={w.how} onSubmit={(e) => {
      e.preventDefault();
      if (!why) onDone({ stage, share, nodes: named, days, owner, reason });
    }}>
      <Segment label={w.how} value={stage} onChange={setStage} options={[{ key: "shadow", text: w.stShadow }, { key: "canary", text: w.stCanary }, { key: "all", text: w.stAll }]} />
      <p class="t3 sm">{{ shadow: w.hintShadow, canary: w.hintCanary, all: w.hintAll }[stage]}</p>
      {stage === "canary" && (
        <label>{w.share}<select class="in" value={String(share)} onChange={(e) => setShare(Number(e.currentTarget.value))}>{shares.map((x) => <option value={String(x)}>{x} %</option>)}</select></label>
      )}
      {trial && (
        <fieldset><legend>{w.nodes}</legend>{nodes.map((n) => (
          <label class="ck1"><input type="checkbox" checked={on.includes(n)} onChange={(e) => choose(e.currentTarget.checked ? [...on, n] : on.filter((x) => x !== n))} /><span class="mono"><Text v={n} /></span></label>
        ))}</fieldset>
      )}
      {p.stage === "" && (
        <>
          <label>{w.expiresIn}<select class="in" value={String(days)} onChange={(e) => setDays(Number(e.currentTarget.value))}>{lifetimes.map((x) => <option value={String(x)}>{x > 0 ? w.days(x) : w.never}</option>)}</select></label>
          <label>{w.owner}<input class="in" value={owner} maxLength={200} onInput={(e) => setOwner(e.currentTarget.value)} /></label>
        </>
      )}
      <label>{w.why}<input class="in" value={reason} maxLength={1000} onInput={(e) => setReason(e.currentTarget.value)} /></label>
      {why && <p class="cf sm" role="status">{why}</p>}
      <div class="acts">
        <button type="submit" class="btn pri" disabled={busy || why !== ""}>{busy ? w.busy : stage === "all" ? w.apply(p.site) : w.start}</button>
        <Button kind="gh" onClick={onCancel}>{w.cancel}</Button>
      </div>
    </form>
  );
}
