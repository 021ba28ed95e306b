import { get } from "../../api/client.ts";
import type { Alert, Groups, Node, Source } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Icon, type IconName } from "../../parts/icon.tsx";
import { visible } from "../../parts/hostile.ts";
import { Panel } from "../../parts/panel.tsx";
import { Answered } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { link } from "../../shell/router.ts";
import { span } from "../../words/ago.ts";
import { count, probability } from "../../words/format.ts";
import { suspect, wrongOf } from "../decisions/groups.ts";
import { healthOf, quiet, usualRuleset } from "../nodes/health.ts";
import { overviewWords } from "./words.ts";

interface Props {
  times: { from: string; to: string };
  tick: number;
}

/** Needs lists what waits for a person, the most urgent first. Each line comes by itself. */
export function Needs({ times, tick }: Props) {
  const w = overviewWords();
  return (
    <Panel title={w.needs} note={w.byUrgency} area="todo">
      <Suspects times={times} tick={tick} />
      <Missed times={times} tick={tick} />
      <Alerts times={times} tick={tick} />
      <Fleet tick={tick} />
    </Panel>
  );
}

function useQueue(order_by: string, { times, tick }: Props) {
  return useAnswer(`${order_by} ${times.from} ${times.to} ${tick}`, (s) => get<Groups>("/api/v1/decisions:groups", { ...times, order_by, unlabelled: true, page_size: 200 }, s));
}

function Suspects(p: Props) {
  const w = overviewWords();
  const of = useQueue("false_positives", p);
  return (
    <Answered of={of} rows={1} height={44}>
      {(d) => {
        const fp = d.groups.filter((g) => wrongOf(g) >= suspect);
        const clients = fp.reduce((a, g) => a + g.clients, 0);
        return <Item icon="g-fp" tone="f" n={fp.length} to={link("/decisions", p.times)} title={w.fpToReview} note={fp.length === 0 ? w.none : w.fpNote(count(fp.length), count(clients))} />;
      }}
    </Answered>
  );
}

function Missed(p: Props) {
  const w = overviewWords();
  const of = useQueue("missed", p);
  return (
    <Answered of={of} rows={1} height={44}>
      {(d) => {
        const missed = d.groups.filter((g) => wrongOf(g) >= suspect);
        const worst = Math.max(0, ...missed.map(wrongOf));
        return (
          <Item icon="g-missed" tone="m" n={missed.length} to={link("/decisions", { ...p.times, queue: "missed" })} title={w.missedToReview}
            note={missed.length === 0 ? w.none : w.missedNote(count(missed.length), probability(worst))} />
        );
      }}
    </Answered>
  );
}

function Alerts({ times, tick }: Props) {
  const w = overviewWords();
  const of = useAnswer(`alerts ${tick}`, (s) => get<{ alerts: Alert[]; next_page_token: string }>("/api/v1/alerts", { page_size: 500 }, s));
  return (
    <Answered of={of} rows={1} height={44}>
      {(d) => {
        const open = d.alerts.filter((a) => a.status === "ALERT_STATUS_NEW" && a.assignee === "");
        const oldest = Math.min(...open.map((a) => new Date(a.found_time).getTime()));
        return (
          <Item icon="finding" tone="b" n={open.length} plus={d.next_page_token !== ""} to={link("/findings", times)} title={w.findings}
            note={open.length === 0 ? w.none : d.next_page_token !== "" ? w.findingsMany : w.findingsNote(span(Date.now() - oldest))} />
        );
      }}
    </Answered>
  );
}

function Fleet({ tick }: { tick: number }) {
  const w = overviewWords();
  const of = useAnswer(`fleet ${tick}`, async (s) => {
    const [sources, nodes] = await Promise.all([
      get<{ sources: Source[] }>("/api/v1/sources", { page_size: 1000 }, s), get<{ nodes: Node[] }>("/api/v1/nodes", { page_size: 1000 }, s),
    ]);
    return { sources: sources.sources, nodes: nodes.nodes };
  });
  return (
    <Answered of={of} rows={2} height={44}>
      {(d) => {
        const now = new Date();
        const silent = d.sources.filter((s) => quiet(s, now));
        const usual = usualRuleset(d.nodes);
        const ill = d.nodes.filter((n) => healthOf(n, usual) !== "healthy");
        const last = silent[0]?.last_received_time;
        return (
          <>
            <Item icon="node" tone="f" n={ill.length} to="/nodes" title={w.nodes} note={ill.length === 0 ? w.allWell : visible(ill.map((n) => n.name).join(", "))} />
            <Item icon="report" tone="f" n={silent.length} to="/nodes" title={w.silent}
              note={silent.length === 0 ? w.allWell : w.silentNote(silent[0]!.name, last ? span(now.getTime() - new Date(last).getTime()) : "–")} />
          </>
        );
      }}
    </Answered>
  );
}

function Item({ icon, tone, n, plus, title, note, to }: { icon: IconName; tone: string; n: number; plus?: boolean; title: string; note: string; to: string }) {
  const shade = n === 0 ? "n" : tone;
  return (
    <a class="td" href={to}>
      <Icon name={icon} tone={shade} />
      <span class="tdt"><b>{title}</b><span class="t3 el"><Text v={note} /></span></span>
      <span class={`tdn c-${shade}`}>{count(n)}{plus ? "+" : ""}</span>
      <Icon name="right" small />
    </a>
  );
}
