import { useEffect, useState } from "preact/hooks";
import { post, Refusal } from "../../api/client.ts";
import { textOf } from "../../api/event.ts";
import type { Event, Events, Value } from "../../api/types.ts";
import { Icon } from "../../parts/icon.tsx";
import { Pill } from "../../parts/pill.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { whyOf } from "../../proposals/acts.ts";
import { ruleWords } from "./words.ts";

interface Reason {
  detection: string;
  item: string;
  pattern: string;
  field: string;
  value: Value;
  holds: boolean;
  wanted: boolean;
  present: Value[];
  line: number;
}

interface Tested {
  event: Event;
  parse_error: string;
  tests: { id: string; title: string; result: { matched: boolean; condition: string; reasons: Reason[] } }[];
}

/** Bench tries a rule on a record: whether it matches, and why or why not. */
export function Bench({ id, event }: { id: string; event: { id: string; source: string } | undefined }) {
  const w = ruleWords();
  const [record, setRecord] = useState("");
  const [answer, setAnswer] = useState<Tested | undefined>(undefined);
  const [error, setError] = useState("");
  useEffect(() => {
    setAnswer(undefined);
    setError("");
    if (!event) return;
    // The event of a finding is what the bench begins with.
    post<Events>("/api/v1/search", { query: `event.id: ${quote(event.id)}`, page_size: 1 }).then((p) => {
      if (p.events[0]) setRecord(JSON.stringify(p.events[0], null, 1));
    }, () => undefined);
  }, [id, event?.id]);
  const run = () => {
    setError("");
    post<Tested>(`/api/v1/rules/${encodeURIComponent(id)}/test`, { record }).then(setAnswer, (e: unknown) => setError(e instanceof Refusal ? e.message || whyOf(e) : String(e)));
  };
  return (
    <section class="bench" aria-label={w.bench}>
      <h2>{w.bench}</h2>
      <textarea class="in mono" rows={6} value={record} placeholder={w.benchHint} aria-label={w.benchHint} spellcheck={false} onInput={(e) => setRecord(e.currentTarget.value)} />
      <div class="acts"><button type="button" class="btn pri" disabled={record.trim() === ""} onClick={run}>{w.run}</button></div>
      {error && <p class="cb sm" role="alert" lang="en"><Text v={error} /></p>}
      {answer?.parse_error && <p class="cf sm">{w.parse}: <span lang="en"><Text v={answer.parse_error} /></span></p>}
      {answer?.tests.map(({ title, result: t }) => (
        <div class="btest">
          {t.matched ? <Pill tone="b" icon="check">{w.matched}</Pill> : <Pill tone="n" icon="minus">{w.unmatched}</Pill>} <span lang="en"><Text v={title} /></span> <span class="mono t2"><Text v={t.condition} /></span>
          <p class="t3 sm">{t.matched ? w.because : w.instead}</p>
          {t.reasons.map((r) => (
            <div class="rr"><Icon name={r.holds === r.wanted ? "check" : "x"} tone={r.holds === r.wanted ? "a" : "f"} />
              <span class="mono"><Text v={`${r.detection}: ${r.item}${r.pattern ? ` = ${r.pattern}` : ""}`.slice(0, 300)} />{" "}
                <span class="t3">{r.wanted ? w.wanted : w.not}; {w.has} <Text v={(r.holds ? textOf(r.value) : r.present.map(textOf).join(", ")).slice(0, 200) || w.nothing} /></span></span>
            </div>
          ))}
        </div>
      ))}
      {answer && <details><summary class="t2">{w.event}</summary><pre lang="en">{JSON.stringify(answer.event, null, 1).split("\n").map((l) => <><Text v={l} />{"\n"}</>)}</pre></details>}
    </section>
  );
}

