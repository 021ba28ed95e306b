import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { mayLabel } from "../../api/session.ts";
import type { Fields, Group, Groups } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { PlaceNode } from "../../parts/first.tsx";
import { Bar } from "../../parts/bar.tsx";
import { Button, Key } from "../../parts/button.tsx";
import { Answered, Empty, Failed, Partial, Skeleton } from "../../parts/states.tsx";
import { QueryBar } from "../../query/bar.tsx";
import { useKeys } from "../../shell/keys.ts";
import { useRange, zoomOut } from "../../shell/range.ts";
import { go, link, setParams, usePlace } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { count } from "../../words/format.ts";
import { Detail } from "./detail.tsx";
import { filterOf, holds, keyOf, suspect, wrongOf, type Asked, type Queue } from "./groups.ts";
import { labelGroups, type Verdict } from "./labelling.ts";
import { ProposalPane } from "./proposal.tsx";
import { whole } from "./question.ts";
import { Queues } from "./queues.tsx";
import { QueueList } from "./queue.tsx";
import { Sample } from "./sample.tsx";
import { Opinion, Reasons, Similar } from "./verdict.tsx";
import { decisionWords } from "./words.ts";

const pageSize = 200;

/** groupsOf asks for a queue. Groups that are surely right are left out of the second one. */
async function groupsOf(queue: Queue, asked: Asked, signal: AbortSignal): Promise<Groups & { asked: Asked }> {
  const groups = await get<Groups>("/api/v1/decisions:groups", {
    ...asked, order_by: queue === "fp" ? "false_positives" : "missed", unlabelled: true, page_size: pageSize,
  }, signal);
  return { ...groups, asked };
}

/** Decisions is the desk of an analyst: a queue, the request, and what is thought of it. */
export function Decisions() {
  const { params } = usePlace();
  return params.get("queue") === "sample" ? <Sample /> : <Grouped />;
}

/** Grouped is the queue of groups that are suspect. */
function Grouped() {
  const w = decisionWords();
  const { range, tick } = useRange();
  const { params } = usePlace();
  const queue: Queue = params.get("queue") === "missed" ? "missed" : "fp";
  const filter = params.get("q") ?? "";
  const times = { from: range.from.toISOString(), to: range.to.toISOString() };
  const key = `${filter} ${times.from} ${times.to} ${tick}`;
  const fp = useAnswer(`fp ${key}`, (s) => groupsOf("fp", { filter, ...times }, s));
  const missed = useAnswer(`missed ${key}`, (s) => groupsOf("missed", { filter, ...times }, s));
  const fields = useAnswer(`fields ${times.from} ${times.to}`, (s) => get<Fields>("/api/v1/fields", { query: "waf.decision: *", ...times, top: 10, page_size: 200 }, s));
  const of = queue === "fp" ? fp : missed;

  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [done, setDone] = useState(0);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const [chosen, choose] = useState("");
  const [example, setExample] = useState(0);
  const [focus, setFocus] = useState(0);
  const groups = useMemo(() => (of.data?.groups ?? []).filter((g) => !gone.has(keyOf(g)) && g.examples.length > 0 && (queue === "fp" || wrongOf(g) >= 0.01)), [of.data, gone, queue]);
  const at = Math.max(0, groups.findIndex((g) => keyOf(g) === chosen));
  const group = groups[at];
  useEffect(() => setGone(new Set()), [of.data]);

  const linked = useRef(params.get("id") ?? "");
  const ref = linked.current && chosen === "" ? { id: linked.current, source: params.get("source") ?? "" } : group?.examples[Math.min(example, (group?.examples.length ?? 1) - 1)];
  const shown = useAnswer(ref ? `${ref.id} ${ref.source}` : undefined, (s) => whole(ref!, s));
  useEffect(() => {
    // A link names a decision: its group is the one that is shown.
    if (!linked.current || !shown.data || chosen !== "") return;
    const mine = groups.find((g) => holds(g, shown.data!.detail));
    if (mine) choose(keyOf(mine));
    linked.current = "";
  }, [shown.data, groups]);

  const pick = (i: number) => {
    const g = groups[Math.max(0, Math.min(groups.length - 1, i))];
    if (!g) return;
    linked.current = "";
    choose(keyOf(g));
    setExample(0);
    if (params.get("id")) setParams({ id: "", source: "" }, true);
  };
  const label = (v: Verdict) => {
    if (!mayLabel() || !group || !of.data) return;
    const these = marked.size > 0 ? groups.filter((g) => marked.has(keyOf(g))) : [group];
    const keys = new Set(these.map(keyOf));
    const next = groups.slice(at).find((g) => !keys.has(keyOf(g))) ?? [...groups].reverse().find((g) => !keys.has(keyOf(g)));
    choose(next ? keyOf(next) : "");
    setExample(0);
    setMarked(new Set());
    void labelGroups(these, v, of.data.asked, // not what is asked for now: the list may be one of before
      (k) => { setGone((s) => new Set([...s, ...k])); setDone((n) => n + k.length); },
      (k) => { setGone((s) => new Set([...s].filter((x) => !k.includes(x)))); setDone((n) => Math.max(0, n - k.length)); choose(k[0] ?? ""); });
  };
  const mark = () => {
    if (!group) return;
    const next = new Set(marked);
    if (!next.delete(keyOf(group))) next.add(keyOf(group));
    setMarked(next);
    pick(at + 1);
  };
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.next, run: () => pick(at + 1) },
    { code: "KeyK", what: () => w.before, run: () => pick(at - 1) },
    { code: "KeyX", what: () => w.mark, run: mark },
    { code: "KeyF", what: () => (queue === "fp" ? w.lFp : w.lHarmless), run: () => label("legitimate") },
    { code: "KeyT", what: () => w.lAttack, run: () => label("attack") },
    { code: "KeyB", what: () => w.lTest, run: () => label("test") },
    { code: "KeyU", what: () => w.lUnsure, run: () => label("unsure") },
    { code: "KeyE", what: () => w.propose, run: () => setFocus(focus + 1) },
    { code: "Enter", what: () => w.openEvents, run: () => group && go(link("/search", { q: filterOf(group), ...times })) },
    { code: "ArrowRight", what: () => w.nextExample, run: () => setExample(Math.min(example + 1, (group?.examples.length ?? 1) - 1)) },
    { code: "ArrowLeft", what: () => w.lastExample, run: () => setExample(Math.max(0, example - 1)) },
    { code: "Escape", what: () => w.clear, run: () => setMarked(new Set()) },
  ]);
  const wrong = of.error?.status === 400 && of.error.column > 0 ? of.error : undefined;
  const waiting = (g: Groups | undefined, least: number) => (g ? count(g.groups.filter((x) => wrongOf(x) >= least && !gone.has(keyOf(x))).length) + (g.next_page_token ? "+" : "") : "");
  return (
    <>
      <TopBar title={w.title}>
        <QueryBar icon="filter" value={filter} fields={fields.data?.fields ?? []} error={wrong} busy={of.busy} onAsk={(q) => setParams({ q, id: "", source: "" })} />
      </TopBar>
      <main class="tri" id="main" tabIndex={-1}>
        <section class="q" aria-label={w.queue}>
          <div class="qh">
            <Queues queue={queue} counts={{ fp: waiting(fp.data, suspect), missed: waiting(missed.data, suspect) }} onChange={() => { choose(""); setExample(0); setMarked(new Set()); }} />
            <div class="qs t3"><span class="el">{queue === "fp" ? w.grouped : w.groupedMissed}</span><span class="t2">{w.order}</span></div>
          </div>
          {of.data && <Partial warnings={of.data.warnings} />}
          <Answered of={of} rows={8} height={73}>
            {(d) => (groups.length === 0 ? <Nothing d={d} queue={queue} widen={() => zoomOut(range)} />
              : <QueueList groups={groups} selected={at} marked={marked} range={range} dim={of.busy} onSelect={pick} onEnd={() => undefined} />)}
          </Answered>
          {done + groups.length > 0 && <div class="qf t3"><span>{w.reviewed(done, done + groups.length)}</span><Bar share={done / Math.max(1, done + groups.length)} /><span class="kk"><Key>j</Key> <Key>k</Key> {w.move}</span></div>}
        </section>
        <Reading shown={shown} group={group} example={example} setExample={setExample} times={times} asked={of.data?.asked} marked={marked.size} focus={focus} label={label} />
      </main>
    </>
  );
}

interface ReadingProps {
  shown: ReturnType<typeof useAnswer<Awaited<ReturnType<typeof whole>>>>;
  group: Group | undefined;
  example: number;
  setExample: (n: number) => void;
  times: { from: string; to: string };
  asked: Asked | undefined;
  marked: number;
  focus: number;
  label: (v: Verdict) => void;
}

/** Reading is the middle and the right pane: the old decision stays until the new one is there. */
function Reading({ shown, group, example, setExample, times, asked, marked, focus, label }: ReadingProps) {
  if (!group) return <><section class="c" /><aside class="v" /></>;
  if (shown.error && !shown.busy) return <><section class="c"><Failed error={shown.error} retry={shown.retry} /></section><aside class="v" /></>;
  if (!shown.data) return <><section class="c"><Skeleton rows={12} height={30} /></section><aside class="v"><Skeleton rows={8} height={30} /></aside></>;
  return (
    <>
      <section class={`c${shown.busy ? " dim" : ""}`}>
        <Detail of={shown.data} group={group} example={example} onExample={(by) => setExample(Math.max(0, Math.min(group.examples.length - 1, example + by)))} />
      </section>
      <aside class={`v${shown.busy ? " dim" : ""}`} aria-label={decisionWords().p}>
        <Opinion of={shown.data} group={group} asked={asked} marked={marked} onLabel={label} />
        <Reasons of={shown.data} />
        {group.decision === "block" && <ProposalPane key={keyOf(group)} group={group} range={times} focus={focus} />}
        <Similar group={group} range={times} />
      </aside>
    </>
  );
}

function Nothing({ d, queue, widen }: { d: Groups; queue: Queue; widen: () => void }) {
  const w = decisionWords();
  if (d.decisions === 0) return <Empty act={<><Button onClick={widen}>{w.widen}</Button><a class="btn" href="/nodes">{w.toNodes}</a></>}>{w.noneYet} <PlaceNode /></Empty>;
  return <Empty act={<a class="btn" href="/overview">{w.toOverview}</a>}>{queue === "fp" ? w.done(count(d.decisions)) : w.doneMissed(count(d.decisions))}</Empty>;
}
