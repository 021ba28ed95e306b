import { get } from "../api/client.ts";
import type { Proposal } from "../api/types.ts";
import { useAnswer } from "../api/use.ts";
import { doingOf } from "../rollout/state.ts";
import { DoingPill } from "../rollout/trial.tsx";
import { useRollout } from "../rollout/use.ts";
import { rolloutWords } from "../rollout/words.ts";
import { quote } from "../query/edit.ts";
import { link } from "../shell/router.ts";
import { count } from "../words/format.ts";
import { proposalWords } from "./words.ts";

/** Effect says which nodes use a proposal and how often it took effect, by days of UTC; it goes on by itself. */
export function Effect({ p }: { p: Proposal }) {
  const w = proposalWords();
  const ro = rolloutWords();
  const of = useRollout(`${p.id} ${p.stage}`);
  const r = of.data?.rollout;
  // Hits come with what nodes tell of themselves, so they are read as often.
  const now = useAnswer(`hits ${p.id} ${of.fresh?.getTime() ?? 0}`, (s) => get<{ proposal: Proposal }>(`/api/v1/proposals/${p.id}`, {}, s));
  const hits = now.data?.proposal ?? p;
  const shadow = p.stage === "shadow";
  const nodes = of.data?.nodes ?? [];
  const odd = r ? nodes.filter((n) => !["uses", "apart"].includes(doingOf(r, n))) : [];
  // Nodes apart from a trial of something else use what all nodes use.
  const uses = r ? nodes.filter((n) => doingOf(r, n) === "uses" || (p.stage === "all" && doingOf(r, n) === "apart")).length : 0;
  const since = p.update_time ?? "";
  const query = `waf.site: ${quote(p.site)}${p.path.startsWith("/") && !/[{…]/.test(p.path) ? ` and url.path: ${quote(p.path)}` : ""}`;
  return (
    <div class="eff" role="status">
      {r && <p><b>{ro.inUse(uses, nodes.length)}</b>{odd.map((n) => <> <span class="mono t2">{n.node}</span> <DoingPill doing={doingOf(r, n)} /></>)}</p>}
      <p class="t2 sm">
        {shadow ? w.noHitsInShadow : hits.hits > 0 ? w.hits(count(hits.hits)) : w.noHits}
        {!shadow && hits.last_hit_time && ` · ${w.lastHit(hits.last_hit_time.slice(0, 10))}`}
      </p>
      {since && <p class="sm"><a href={link("/search", { q: `${query} and waf.decision: *`, from: since, to: new Date().toISOString() })}>{w.sinceThen}</a></p>}
    </div>
  );
}
