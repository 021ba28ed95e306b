import { get, post } from "../../api/client.ts";
import type { Node, Table } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { bucketsOf } from "../../charts/buckets.ts";
import { Panel } from "../../parts/panel.tsx";
import { ofNumber, Severity } from "../../parts/severity.tsx";
import { Sparkline } from "../../parts/sparkline.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { link } from "../../shell/router.ts";
import { RuleName } from "../../sigma/name.tsx";
import { bucketOf, type Range } from "../../time/range.ts";
import { count } from "../../words/format.ts";
import { healthOf, shortRuleset, usualRuleset } from "../nodes/health.ts";
import { HealthPill } from "../nodes/nodes.tsx";
import { overviewWords } from "./words.ts";

interface Props {
  range: Range;
  times: { from: string; to: string };
  tick: number;
}

/** FindingsByRule counts what rules found, the most severe first. */
export function FindingsByRule({ range, times, tick }: Props) {
  const w = overviewWords();
  const bucket = bucketOf(range, 24);
  const of = useAnswer(`findings ${times.from} ${times.to} ${tick}`, async (s) => {
    const table = (stats: string) => post<Table>("/api/v1/aggregate", { query: `event.dataset: gatewatch.finding | ${stats}`, ...times }, s);
    const [rules, trend] = await Promise.all([
      table("stats n = count(), c = count_distinct(client.ip), s = count_distinct(source.ip) by rule.id, rule.name, event.severity | sort event.severity desc, n desc | limit 40"),
      table(`stats n = count() by b = bucket(@timestamp, ${bucket}s), rule.id`),
    ]);
    return { rules: rules.rows, trend: bucketsOf(trend, range, bucket).series };
  });
  return (
    <Panel title={w.byRule} area="find" side={<a href={link("/findings", times)}>{w.all}</a>}>
      <Answered of={of} rows={8} height={32}>
        {(d) => (d.rules.length === 0 ? <Empty act={<a class="btn" href="/rules">{w.toRules}</a>}>{w.noFindings}</Empty> : (
          <div class="scroll"><table class="grid">
            <thead><tr><th /><th class="w">{w.rule}</th><th class="num">{w.count}</th><th class="num">{w.sources}</th><th>{w.trend}</th></tr></thead>
            <tbody>{d.rules.map(([id, name, severity, n, c, s]) => (
              <tr>
                <td><Severity level={ofNumber(Number(severity))} /></td>
                <td class="w"><a class="plain" href={link("/search", { q: `event.dataset: gatewatch.finding and rule.id: ${quote(String(id))}`, ...times })}><RuleName v={String(name ?? id)} /></a></td>
                <td class="num">{count(Number(n))}</td>
                <td class="num t2">{count(Number(c) || Number(s))}</td>
                <td><Sparkline values={d.trend.get(String(id)) ?? []} wide={72} /></td>
              </tr>
            ))}</tbody>
          </table></div>
        ))}
      </Answered>
    </Panel>
  );
}

/** NodesBrief says how the WAF nodes do and how busy they are. */
export function NodesBrief({ tick }: { tick: number }) {
  const w = overviewWords();
  const of = useAnswer(`brief ${tick}`, async (s) => {
    const now = Date.now();
    const [nodes, busy] = await Promise.all([
      get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 }, s),
      post<Table>("/api/v1/aggregate", { query: "waf.decision: * | stats n = count() by waf.node", from: new Date(now - 300e3).toISOString(), to: new Date(now).toISOString() }, s),
    ]);
    return { nodes: nodes.nodes, busy: new Map(busy.rows.map(([name, n]) => [String(name), Number(n) / 5])) };
  });
  return (
    <Panel title={w.nodesTitle} area="nodes" side={<a href="/nodes">{w.all}</a>}>
      <Answered of={of} rows={6} height={32}>
        {(d) => (d.nodes.length === 0 ? <Empty act={<a class="btn" href="/nodes">{w.toNodes}</a>}>{w.noNodes}</Empty> : (
          <div class="scroll"><table class="grid">
            <thead><tr><th class="w">{w.name}</th><th>{w.state}</th><th>{w.ruleset}</th><th class="num">{w.rate}</th><th class="num">{w.spool}</th></tr></thead>
            <tbody>{d.nodes.map((n) => (
              <tr>
                <td class="w mono"><Text v={n.name} /></td>
                <td><HealthPill health={healthOf(n, usualRuleset(d.nodes))} /></td>
                <td class="mono t2" title={n.ruleset}><Text v={shortRuleset(n.ruleset)} /></td>
                <td class="num">{count(d.busy.get(n.name) ?? 0)}</td>
                <td class="num t2">{count(n.spool_records)}</td>
              </tr>
            ))}</tbody>
          </table></div>
        ))}
      </Answered>
    </Panel>
  );
}
