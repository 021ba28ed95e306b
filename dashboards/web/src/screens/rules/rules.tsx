import { useMemo, useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import type { Rule, Rules as List, Table } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Icon } from "../../parts/icon.tsx";
import { Rows } from "../../parts/rows.tsx";
import { ofSigma, Severity } from "../../parts/severity.tsx";
import { Answered, Empty } from "../../parts/states.tsx";
import { Segment } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { useKeys } from "../../shell/keys.ts";
import { useRange } from "../../shell/range.ts";
import { go, link, usePlace } from "../../shell/router.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { RuleName } from "../../sigma/name.tsx";
import { sigmaTitle } from "../../sigma/titles.ts";
import { count } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { RulePane } from "./pane.tsx";
import { ruleWords } from "./words.ts";

type Which = "all" | "finding" | "correlations";

async function everyRule(signal: AbortSignal): Promise<List> {
  let page = await get<List>("/api/v1/rules", { page_size: 1000 }, signal);
  const rules = [...page.rules];
  while (page.next_page_token !== "" && rules.length < 20_000) {
    page = await get<List>("/api/v1/rules", { page_size: 1000, page_token: page.next_page_token }, signal);
    rules.push(...page.rules);
  }
  return { ...page, rules };
}

/** Rules shows the Sigma rules in use, what they found, their text, and a bench to try them. */
export function Rules() {
  const w = ruleWords();
  const { range, tick } = useRange();
  const { path, params } = usePlace();
  const times = { from: range.from.toISOString(), to: range.to.toISOString() };
  const of = useAnswer(`rules ${tick}`, everyRule);
  const hits = useAnswer(`hits ${times.from} ${times.to} ${tick}`, (s) => post<Table>("/api/v1/aggregate", {
    query: "event.dataset: gatewatch.finding | stats n = count() by rule.id", ...times,
  }, s).then((t) => new Map(t.rows.map(([id, n]) => [String(id), Number(n)]))));
  const [want, setWant] = useState("");
  const [which, setWhich] = useState<Which>("all");
  const id = decodeURIComponent(path.slice("/rules/".length));
  const rules = useMemo(() => {
    const low = want.toLowerCase();
    const n = (r: Rule) => hits.data?.get(r.id) ?? 0;
    return (of.data?.rules ?? [])
      .filter((r) => `${r.title} ${sigmaTitle(r.title).text} ${r.id} ${r.tags.join(" ")}`.toLowerCase().includes(low))
      .filter((r) => which === "all" || (which === "finding" ? n(r) > 0 : r.correlation))
      .sort((a, b) => n(b) - n(a) || ofSigma(b.level) - ofSigma(a.level) || (a.title < b.title ? -1 : 1));
  }, [of.data, hits.data, want, which]);
  const at = rules.findIndex((r) => r.id === id);
  const pick = (i: number) => rules[i] && go(link(`/rules/${encodeURIComponent(rules[i]!.id)}`, times));
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.next, run: () => pick(at + 1) },
    { code: "KeyK", what: () => w.before, run: () => pick(Math.max(0, at - 1)) },
  ]);
  const event = params.get("event");
  return (
    <>
      <TopBar title={w.title} />
      <main class="ru" id="main" tabIndex={-1}>
        <section class="q" aria-label={w.list}>
          <div class="tbar col">
            <div class="fq"><Icon name="search" /><input type="search" value={want} aria-label={w.find} placeholder={w.find} onInput={(e) => setWant(e.currentTarget.value)} /></div>
            <Segment label={w.list} value={which} onChange={setWhich} options={[{ key: "all", text: w.all }, { key: "finding", text: w.finding }, { key: "correlations", text: w.correlations }]} />
          </div>
          <Answered of={of} rows={14} height={44}>
            {(d) => (
              <>
                <Faults d={d} />
                {rules.length === 0 ? <Empty>{w.none}</Empty> : (
                  <Rows rows={rules} height={44} id="rules" label={w.list} selected={at} onSelect={pick} stamp={`${language()} ${hits.fresh?.getTime()}`} rowClass={() => "ru1"}
                    row={(r) => (
                      <div role="gridcell" class="ru2">
                        <Severity level={ofSigma(r.level)} />
                        <span class="ru3"><span class="el"><RuleName v={r.title} /></span><span class="t3 el">{r.correlation ? `${w.correlation} · ` : ""}<span class="mono"><Text v={r.name || r.id} /></span>{r.silent ? ` · ${w.silentRule}` : ""}</span></span>
                        <span class="num">{(hits.data?.get(r.id) ?? 0) > 0 ? <b>{count(hits.data!.get(r.id)!)}</b> : <span class="t3">0</span>}</span>
                      </div>
                    )} />
                )}
                <div class="qf t3">{w.count(count(d.rules.length))} · <span class="mono" title={d.ruleset}>{d.ruleset.slice(0, 8)}</span></div>
              </>
            )}
          </Answered>
        </section>
        {id ? <RulePane key={id} id={id} hits={hits.data?.get(id) ?? 0} times={times} event={event ? { id: event, source: params.get("source") ?? "" } : undefined} />
          : <section class="c"><Empty>{w.choose}</Empty></section>}
      </main>
    </>
  );
}

function Faults({ d }: { d: List }) {
  const w = ruleWords();
  const rows = (all: List["rejected"]) => all.slice(0, 50).map((x) => <p class="sm"><span class="mono"><Text v={x.path} /></span>{x.line > 0 && ` ${w.at(x.line, x.column)}`}: <span lang="en"><Text v={x.reason} /></span></p>);
  return (
    <>
      {d.rejected.length > 0 && <details class="flt"><summary class="cf">{w.rejected(d.rejected.length)}</summary>{rows(d.rejected)}</details>}
      {d.warnings.length > 0 && <details class="flt"><summary class="t2">{w.warnings(d.warnings.length)}</summary>{rows(d.warnings)}</details>}
    </>
  );
}
