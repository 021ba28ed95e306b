import { useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import type { Node, Proposal, RolloutState, Source } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { PlaceNode, SendLogs } from "../../parts/first.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Pill } from "../../parts/pill.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { History } from "../../rollout/history.tsx";
import { Trial } from "../../rollout/trial.tsx";
import { useRollout } from "../../rollout/use.ts";
import { rolloutWords } from "../../rollout/words.ts";
import { useRange } from "../../shell/range.ts";
import { link } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { ago, span } from "../../words/ago.ts";
import { count } from "../../words/format.ts";
import { healthOf, quiet, shortRuleset, usualRuleset, type Health } from "./health.ts";
import { nodeWords } from "./words.ts";

/** Nodes shows WAF nodes and log sources and how they do. */
export function Nodes() {
  const w = nodeWords();
  const { tick } = useRange();
  const [turn, setTurn] = useState(0);
  const rollout = useRollout(`${tick} ${turn}`);
  const nodes = useAnswer(`nodes ${tick} ${rollout.fresh?.getTime() ?? 0}`, (s) => get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 }, s));
  const sources = useAnswer(`sources ${tick}`, (s) => get<{ sources: Source[] }>("/api/v1/sources", { page_size: 1000 }, s));
  return (
    <>
      <TopBar title={w.title} timeless />
      <main class="one stack" id="main" tabIndex={-1}>
        <Answered of={nodes} rows={6} height={32}>{(d) => <NodeTable nodes={d.nodes} rollout={rollout.data} />}</Answered>
        {rollout.data && <Rules of={rollout.data} changed={() => setTurn(turn + 1)} />}
        <Answered of={sources} rows={6} height={32}>{(d) => <SourceTable sources={d.sources} />}</Answered>
      </main>
    </>
  );
}

/** Rules tells what was rolled out, what is on trial and what came before. */
function Rules({ of, changed }: { of: RolloutState; changed: () => void }) {
  const w = rolloutWords();
  const r = of.rollout;
  const proposals = useAnswer(r?.candidate ? `proposals ${r.serial}` : undefined, (s) => get<{ proposals: Proposal[] }>("/api/v1/proposals", { page_size: 1000, status: "applied" }, s));
  return (
    <Panel title={w.title} note={!r ? w.noneYet : r.candidate === "" ? w.none : undefined} area="fit">
      <Trial of={of} proposals={proposals.data?.proposals} changed={changed} link={<a href={link("/tuning", {})}>{w.toTuning}</a>} />
      {of.history.length > 0 && <History of={of.history} />}
    </Panel>
  );
}

/** lagOf is how far a node is behind. One that is away tells nothing of now. */
function lagOf(n: Node): string {
  return n.connected ? span(n.lag_ms) : "–";
}

/** HealthPill names the state of a node. */
export function HealthPill({ health }: { health: Health }) {
  const w = nodeWords();
  if (health === "healthy") return <Pill tone="a" icon="check">{w.healthy}</Pill>;
  return <Pill tone={health === "losing" ? "b" : "f"} icon="g-fp">{w[health]}</Pill>;
}

function NodeTable({ nodes, rollout }: { nodes: Node[]; rollout: RolloutState | undefined }) {
  const w = nodeWords();
  const usual = usualRuleset(nodes);
  const of = (n: Node) => rollout?.nodes.find((r) => r.node === n.name);
  const bad = nodes.filter((n) => healthOf(n, usual, of(n)) !== "healthy").length;
  return (
    <Panel title={w.waf} note={w.needLook(bad, nodes.length)} area="fit">
      {nodes.length === 0 ? <Empty>{w.noNodes} <code>gatewatch token create --node NAME</code> <PlaceNode /></Empty> : (
        <div class="scroll"><table class="grid">
          <thead><tr>
            <th>{w.name}</th><th>{w.state}</th><th class="w">{w.sites}</th><th>{w.ruleset}</th><th>{w.bundle}</th><th>{w.version}</th>
            <th class="num">{w.spool}</th><th class="num" title={w.lagTold}>{w.lag}</th><th class="num">{w.refused}</th><th class="num">{w.seen}</th>
          </tr></thead>
          <tbody>{nodes.map((n) => (
            <tr>
              <td class="mono"><a href={link("/search", { q: `waf.node: ${JSON.stringify(n.name)}` })}><Text v={n.name} /></a></td>
              <td><HealthPill health={healthOf(n, usual, of(n))} />{of(n)?.drift && <span class="t3" title={of(n)!.drift}> {w.drift}</span>}</td>
              <td class="w mono t2" title={n.sites.join(", ")}><Text v={n.sites.join(", ")} /></td>
              <td class="mono t2" title={n.ruleset}><Text v={shortRuleset(n.ruleset)} /></td>
              <td class="mono t2" title={n.bundle}><Text v={n.bundle.slice(0, 12) || "–"} />{n.candidate_bundle && <span class="t3" title={n.candidate_bundle}> {w.trial}</span>}</td>
              <td class="mono t2"><Text v={n.version} /></td>
              <td class="num">{count(n.spool_records)}</td>
              <td class="num t2" title={w.lagTold}>{lagOf(n)}</td>
              <td class={`num${n.spool_overflow > 0 ? " cb" : " t2"}`}>{count(n.spool_overflow)}</td>
              <td class="num t2">{ago(new Date(n.last_seen_time))}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </Panel>
  );
}

function SourceTable({ sources }: { sources: Source[] }) {
  const w = nodeWords();
  const now = new Date();
  const bad = sources.filter((s) => quiet(s, now)).length;
  return (
    <Panel title={w.sources} note={w.needLook(bad, sources.length)} side={<span class="t3">{w.since}</span>} area="fit">
      {sources.length === 0 ? <Empty>{w.noSources} <SendLogs /></Empty> : (
        <div class="scroll"><table class="grid">
          <thead><tr>
            <th>{w.name}</th><th>{w.state}</th><th class="w">{w.formats}</th><th class="num">{w.received}</th><th class="num">{w.stored}</th>
            <th class="num">{w.failed}</th><th class="num">{w.duplicates}</th><th class="num">{w.last}</th>
          </tr></thead>
          <tbody>{sources.map((s) => (
            <tr>
              <td class="mono"><a href={link("/search", { q: `gatewatch.source: ${JSON.stringify(s.name)}` })}><Text v={s.name} /></a></td>
              <td>{quiet(s, now) ? <Pill tone="f" icon="g-fp">{w.quiet}</Pill> : <Pill tone="a" icon="check">{w.receiving}</Pill>}</td>
              <td class="w mono t2" title={s.formats.join(", ")}><Text v={s.formats.join(", ")} /></td>
              <td class="num">{count(s.received)}</td>
              <td class="num">{count(s.stored)}</td>
              <td class={`num${s.failed > 0 ? " cf" : " t2"}`}>{count(s.failed)}</td>
              <td class="num t2">{count(s.duplicates)}</td>
              <td class="num t2">{s.last_received_time ? ago(new Date(s.last_received_time)) : "–"}</td>
            </tr>
          ))}</tbody>
        </table></div>
      )}
    </Panel>
  );
}
