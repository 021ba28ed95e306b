import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { mayLabel, session } from "../../api/session.ts";
import type { Alert } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { QueryBar } from "../../query/bar.tsx";
import { Rows } from "../../parts/rows.tsx";
import { ofNumber, Severity } from "../../parts/severity.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Segment } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { both, quote } from "../../query/edit.ts";
import { useKeys } from "../../shell/keys.ts";
import { useRange } from "../../shell/range.ts";
import { setParams, usePlace } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { RuleName } from "../../sigma/name.tsx";
import { sigmaTitle } from "../../sigma/titles.ts";
import { count, day, second } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { change } from "./change.ts";
import { DeliveryView } from "./delivery.tsx";
import { deliveryWords } from "./deliverywords.ts";
import { Pane, StatusPill } from "./pane.tsx";
import { findingWords } from "./words.ts";

type Which = "open" | "mine" | "closed" | "every";
interface Page {
  alerts: Alert[];
  next_page_token: string;
}

const filters = (which: Which, me: string): string => ({
  open: "not alert.status: closed", mine: `alert.assignee: ${quote(me)} and not alert.status: closed`, closed: "alert.status: closed", every: "",
})[which];

const noFields: never[] = [];

/** Findings has what rules found, and how the webhook does that is told of it. */
export function Findings() {
  const w = deliveryWords();
  const { params } = usePlace();
  const view = params.get("view") === "delivery" ? "delivery" : "findings";
  const choice = <Segment label={w.view} value={view} onChange={(v) => setParams({ view: v === "delivery" ? v : "" })} options={[{ key: "findings", text: w.findings }, { key: "delivery", text: w.delivery }]} />;
  if (view === "findings") return <List choice={choice} />;
  return (
    <>
      <TopBar title={findingWords().title} timeless>{choice}<span class="sp" /></TopBar>
      <main class="one stack" id="main" tabIndex={-1}><DeliveryView /></main>
    </>
  );
}

/** List has the findings, and who has them. */
function List({ choice }: { choice: ComponentChildren }) {
  const w = findingWords();
  const { tick } = useRange();
  const { params } = usePlace();
  const q = params.get("q") ?? "";
  const which = (["mine", "closed", "every"] as const).find((x) => x === params.get("state")) ?? "open";
  const me = session.get()?.user.name ?? "";
  const filter = both(q, filters(which, me));
  const key = `${filter} ${tick}`;
  const first = useAnswer(key, (s) => get<Page>("/api/v1/alerts", { filter, page_size: 200 }, s));
  const [more, setMore] = useState<{ alerts: Alert[]; token: string; key: string }>({ alerts: [], token: "", key: "" });
  const [changed, setChanged] = useState<ReadonlyMap<string, Alert>>(new Map());
  const [at, select] = useState(-1);
  const [open, setOpen] = useState(false);
  useEffect(() => setMore({ alerts: [], token: first.data?.next_page_token ?? "", key }), [first.data]);
  const alerts = useMemo(() => (first.data?.alerts ?? []).concat(more.alerts).map((a) => changed.get(a.id) ?? a), [first.data, more, changed]);
  const next = useCallback(() => {
    if (more.token === "") return;
    setMore({ ...more, token: "" });
    get<Page>("/api/v1/alerts", { filter, page_size: 500, page_token: more.token }).then(
      (p) => setMore({ alerts: more.alerts.concat(p.alerts), token: p.next_page_token, key }), () => setMore(more));
  }, [more]);
  const put = (a: Alert) => setChanged(new Map([...changed, [a.id, a]]));
  const a = alerts[at];
  const pick = (i: number) => {
    if (i < 0 || i >= alerts.length) return;
    select(i);
  };
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.next, run: () => pick(at + 1) },
    { code: "KeyK", what: () => w.before, run: () => pick(at - 1) },
    { code: "Enter", what: () => w.openIt, run: () => setOpen(at >= 0) },
    { code: "Escape", what: () => w.dismiss, run: () => setOpen(false) },
    { code: "KeyA", what: () => w.assignMe, run: () => { if (a && mayLabel()) void change(a, { assignee: me }, w.assigned(sigmaTitle(a.rule_name).text), put); } },
  ]);
  const wrong = first.error?.status === 400 && first.error.column > 0 ? first.error : undefined;
  return (
    <>
      <TopBar title={w.title} timeless>{choice}<QueryBar icon="filter" value={q} fields={noFields} error={wrong} busy={first.busy} onAsk={(x) => setParams({ q: x })} /></TopBar>
      <main class={`fi${open && a ? " with" : ""}`} id="main" tabIndex={-1}>
        <section class="tb">
          <div class="tbar">
            <Segment label={w.state} value={which} onChange={(s) => { select(-1); setParams({ state: s === "open" ? "" : s }); }}
              options={[{ key: "open", text: w.open }, { key: "mine", text: w.mine }, { key: "closed", text: w.closed }, { key: "every", text: w.every }]} />
            <span class="sp" /><span class="t3">{w.loaded(count(alerts.length))}{more.token !== "" && "+"}</span>
          </div>
          <Answered of={first} rows={20}>
            {() => (alerts.length === 0 ? <Empty act={<a class="btn" href="/rules">{w.toRules}</a>}>{w.empty}</Empty> : (
              <Rows rows={alerts} height={32} id="findings" label={w.list} selected={at} dim={first.busy} stamp={language()} onEnd={next}
                onSelect={(i) => { select(i); setOpen(true); }} all={more.token !== "" ? -1 : alerts.length}
                columns="104px 20px minmax(200px,2fr) 132px minmax(110px,1fr) 84px 84px"
                head={[w.time, "", w.rule, w.source, w.what, w.assignee, w.status].map((x, i) => <span class="hc" role="columnheader">{x || <span class="hid">{w.severity}</span>}{i === 0 ? " ↓" : ""}</span>)}
                row={(x) => [
                  <span role="gridcell" class="mono t2">{day(new Date(x.event_time)).slice(5)} {second(new Date(x.event_time))}</span>,
                  <span role="gridcell"><Severity level={ofNumber(x.severity)} /></span>,
                  <span role="gridcell" class="el rn0"><RuleName v={x.rule_name} /></span>,
                  <span role="gridcell" class="mono el"><Text v={x.source_ip || x.user_name || x.host_name || "–"} /></span>,
                  <span role="gridcell" class="mono el t2"><Text v={`${x.url_domain}${x.url_path}` || x.dataset} /></span>,
                  <span role="gridcell" class="el">{x.assignee ? <Text v={x.assignee} /> : <span class="t3">{w.nobody}</span>}</span>,
                  <span role="gridcell"><StatusPill status={x.status} /></span>,
                ]} />
            ))}
          </Answered>
        </section>
        {open && a && <Pane key={a.id} alert={a} onChange={put} onClose={() => setOpen(false)} />}
      </main>
    </>
  );
}
