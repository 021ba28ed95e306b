import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { clientOf, list, num, str, textOf, wrongOf } from "../../api/event.ts";
import { keptRequest } from "../../api/kept.ts";
import type { Event, Events } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Button, IconButton } from "../../parts/button.tsx";
import { visible } from "../../parts/hostile.ts";
import { DecisionPill, SuspectPill } from "../../parts/pill.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { linesOf } from "../../request/lines.ts";
import { RequestView } from "../../request/view.tsx";
import { go, link } from "../../shell/router.ts";
import { copy } from "../../shell/topbar.tsx";
import { tell } from "../../shell/undo.ts";
import { fullMoment, milli } from "../../words/format.ts";
import { matchesOf } from "./matches.ts";
import { searchWords } from "./words.ts";

type Tab = "fields" | "request" | "original" | "json";

interface Props {
  event: Event;
  onClose: () => void;
  onFilter: (name: string, value: string, not: boolean) => void;
}

/** Flyout shows one event: its verdict, fields, request, text, and where else it was seen. */
export function Flyout({ event: e, onClose, onFilter }: Props) {
  const w = searchWords();
  const [tab, setTab] = useState<Tab>("fields");
  const decision = str(e, "waf.decision");
  const at = new Date(str(e, "@timestamp"));
  return (
    <aside class="fly" aria-label={w.open}>
      <div class="fh">
        {decision && <DecisionPill decision={decision} action={str(e, "waf.action")} />}
        {decision && <SuspectPill decision={decision} wrong={wrongOf(e)} />}
        <span class="sp" />
        <IconButton icon="link" label={w.permalink} onClick={() => {
          void copy(location.origin + permalink(e));
          tell({ said: w.linkCopied });
        }} />
        <IconButton icon="x" label={w.close} onClick={onClose} />
      </div>
      <div class="ft">
        <div class="mono fx"><RequestLine e={e} /></div>
        <div class="t3">{fullMoment(at)} · <Text v={str(e, "observer.name") || str(e, "gatewatch.source")} /> · <Text v={str(e, "event.dataset")} /></div>
      </div>
      <Tabs label={w.open} value={tab} onChange={setTab} options={[
        { key: "fields", text: w.tabFields }, { key: "request", text: w.tabRequest }, { key: "original", text: w.tabOriginal }, { key: "json", text: "JSON" },
      ]} />
      <div class="fbody" role="tabpanel" tabIndex={0} aria-label={w.open}>
        {tab === "fields" && <><Matched e={e} /><Pairs e={e} onFilter={onFilter} /><Chain e={e} /></>}
        {tab === "request" && <Kept e={e} />}
        {tab === "original" && <Original e={e} />}
        {tab === "json" && <pre class="bare" lang="en">{lines(JSON.stringify(e, null, 2))}</pre>}
      </div>
      <Actions e={e} at={at} />
    </aside>
  );
}

/** permalink finds the event by its id in the minute it happened. */
export function permalink(e: Event): string {
  const t = new Date(str(e, "@timestamp")).getTime();
  return link("/search", {
    from: new Date(t - 60_000).toISOString(), to: new Date(t + 60_000).toISOString(),
    event: str(e, "event.id"), source: str(e, "gatewatch.source"),
  });
}

function RequestLine({ e }: { e: Event }) {
  const path = str(e, "url.path");
  if (path === "") return <Text v={(str(e, "rule.name") || str(e, "message")).slice(0, 300)} />;
  return <><Text v={str(e, "http.request.method")} /> <Text v={str(e, "url.domain")} /><b><Text v={path.slice(0, 400)} /></b></>;
}

function lines(s: string) {
  return s.split("\n").map((l) => <><Text v={l} />{"\n"}</>);
}

function Matched({ e }: { e: Event }) {
  const w = searchWords();
  const seen = new Set<string>();
  const all = matchesOf(e).filter((m) => !seen.has(m.value + m.variable) && seen.add(m.value + m.variable));
  return (
    <>
      {all.slice(0, 3).map((m) => (
        <div class="fm">
          <div class="lbl t3">{w.matched} <span class="mono"><Text v={`${m.rule} · ${m.variable}`} /></span></div>
          <div class="mt mono"><mark><Text v={m.value.slice(0, 1000)} /></mark></div>
        </div>
      ))}
    </>
  );
}

const hidden = new Set(["event.original", "waf.match.value", "waf.match.message", "waf.match.rule_id", "waf.match.variable", "waf.match.severity", "verdict.evidence", "@timestamp"]);
const before = ["client.ip", "source.ip", "user.name", "http.request.method", "url.domain", "url.path", "url.query", "user_agent.original", "http.response.status_code", "rule.id", "rule.name", "waf.anomaly_score", "waf.threshold", "verdict.p_attack", "http.request.id", "trace.id"];

function Pairs({ e, onFilter }: { e: Event; onFilter: Props["onFilter"] }) {
  const w = searchWords();
  const rank = (k: string) => (before.indexOf(k) + 1 || before.length + 1);
  const keys = Object.keys(e).filter((k) => !hidden.has(k)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return (
    <div class="kvs">
      {keys.map((k) => {
        const v = textOf(e[k]);
        const one = list(e, k)[0] ?? "";
        return (
          <div class="kv">
            <span class="mono t3 el" title={k}><Text v={k} /></span>
            <span class="mono el" title={visible(v)}><Text v={v.slice(0, 500)} /></span>
            <span class="fa">
              <IconButton icon="plus" small label={w.filterIn(`${k}: ${one.slice(0, 60)}`)} onClick={() => onFilter(k, one, false)} />
              <IconButton icon="minus" small label={w.filterOut(`${k}: ${one.slice(0, 60)}`)} onClick={() => onFilter(k, one, true)} />
            </span>
          </div>
        );
      })}
    </div>
  );
}

function Chain({ e }: { e: Event }) {
  const w = searchWords();
  const id = str(e, "trace.id") || str(e, "http.request.id");
  const name = str(e, "trace.id") ? "trace.id" : "http.request.id";
  const t = new Date(str(e, "@timestamp")).getTime();
  const of = useAnswer(id ? `chain ${id}` : undefined, (s) => post<Events>("/api/v1/search", {
    query: `${name}: ${quote(id)} | sort @timestamp`, from: new Date(t - 3600e3).toISOString(), to: new Date(t + 3600e3).toISOString(), page_size: 20,
  }, s));
  if (!id || !of.data || of.data.events.length === 0) return null;
  return (
    <div class="fm chn">
      <div class="lbl t3">{w.chain} <span class="mono">({name})</span></div>
      {of.data.events.map((x) => (
        <a class="hop" href={permalink(x)}>
          <i class={str(x, "waf.decision") === "block" ? "b" : ""} />
          <span class="mono">{milli(new Date(str(x, "@timestamp")))}</span>
          <span class="el"><Text v={str(x, "event.dataset")} /> <span class="t3"><Text v={str(x, "observer.name") || str(x, "gatewatch.source")} /></span></span>
          <span class={`num ${str(x, "waf.decision") === "block" ? "cb" : "t2"}`}>{after(x)}</span>
        </a>
      ))}
    </div>
  );
}

/** after is the status, and the score or the time that it took. */
function after(e: Event): string {
  const status = num(e, "http.response.status_code") ?? "";
  const score = num(e, "waf.anomaly_score");
  if (score !== undefined && score > 0) return `${status} · ${score} / ${num(e, "waf.threshold") ?? "–"}`;
  const took = num(e, "event.duration");
  return took === undefined ? String(status) : `${status} · ${searchWords().ms((took / 1e6).toFixed(1))}`;
}

function Kept({ e }: { e: Event }) {
  const w = searchWords();
  const of = useAnswer(`kept ${str(e, "http.request.id")}`, (s) => keptRequest(str(e, "http.request.id"), str(e, "waf.node"), s));
  return (
    <Answered of={of} rows={8}>
      {(kept) => (kept ? <div class="fm"><RequestView lines={linesOf(kept)} matches={matchesOf(e)} decoded={false} /></div> : <Empty>{w.noRequest}</Empty>)}
    </Answered>
  );
}

function Original({ e }: { e: Event }) {
  const text = str(e, "event.original");
  if (text === "") return <Empty>{searchWords().noOriginal}</Empty>;
  return <pre class="bare" lang="en"><Text v={text} /></pre>;
}

function Actions({ e, at }: { e: Event; at: Date }) {
  const w = searchWords();
  const client = clientOf(e);
  const around = { from: new Date(at.getTime() - 300e3).toISOString(), to: new Date(at.getTime() + 300e3).toISOString() };
  const same = str(e, "client.ip") ? "client.ip" : "source.ip";
  return (
    <div class="fact">
      {str(e, "waf.decision") && (
        <a class="btn pri" href={link("/decisions", {
          from: new Date(at.getTime() - 12 * 3600e3).toISOString(), to: new Date(at.getTime() + 12 * 3600e3).toISOString(),
          id: str(e, "event.id"), source: str(e, "gatewatch.source"), queue: str(e, "waf.decision") === "block" ? "" : "missed",
        })}>{w.review}</a>
      )}
      <Button onClick={() => go(link("/search", around))}>{w.around}</Button>
      {client && <Button onClick={() => go(link("/search", { ...around, q: `${same}: ${quote(client)}` }))}>{w.sameSource}</Button>}
    </div>
  );
}
