import { get } from "../../api/client.ts";
import type { Rule } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { ofSigma, Severity } from "../../parts/severity.tsx";
import { Answered } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { link } from "../../shell/router.ts";
import { RuleName } from "../../sigma/name.tsx";
import { count } from "../../words/format.ts";
import { Bench } from "./bench.tsx";
import { ruleWords } from "./words.ts";

/** RulePane shows one rule: what it is for, its text, and a bench. */
export function RulePane({ id, hits, times, event }: { id: string; hits: number; times: { from: string; to: string }; event: { id: string; source: string } | undefined }) {
  const w = ruleWords();
  const of = useAnswer(id, (s) => get<{ rule: Rule; text: string }>(`/api/v1/rules/${encodeURIComponent(id)}`, {}, s));
  return (
    <section class="c ruc" aria-label={w.rule}>
      <Answered of={of} rows={16}>
        {({ rule: r, text }) => (
          <>
            <div class="chd">
              <div class="l1"><Severity level={ofSigma(r.level)} word /><b class="el"><RuleName v={r.title} /></b></div>
              <div class="l2 t2"><span class="mono el"><Text v={r.id} /></span><span>{r.status}</span><span class="el"><Text v={r.author} /></span><span class="sp" />
                <a href={link("/search", { q: `event.dataset: gatewatch.finding and rule.id: ${quote(r.id)}`, ...times })}>{w.hitsIn(count(hits))}</a></div>
            </div>
            <div class="rub" tabIndex={0} role="region" aria-label={w.rule}>
              <p lang="en"><Text v={r.description} /></p>
              {r.false_positives.length > 0 && <><h3>{w.fps}</h3><ul lang="en">{r.false_positives.map((x) => <li>· <Text v={x} /></li>)}</ul></>}
              {r.refers.length > 0 && <><h3>{w.refers}</h3><ul>{r.refers.map((x) => <li><a class="mono" href={link(`/rules/${encodeURIComponent(x)}`, times)}><Text v={x} /></a></li>)}</ul></>}
              {r.referred_by.length > 0 && <><h3>{w.referred}</h3><ul>{r.referred_by.map((x) => <li><a class="mono" href={link(`/rules/${encodeURIComponent(x)}`, times)}><Text v={x} /></a></li>)}</ul></>}
              {r.tags.length > 0 && <><h3>{w.tags}</h3><p class="mono t2"><Text v={r.tags.join(" · ")} /></p></>}
              {r.references.length > 0 && <><h3>{w.refs}</h3><ul class="mono t2">{r.references.map((x) => <li><Text v={x} /></li>)}</ul></>}
              <h3>{w.text} <span class="mono t3"><Text v={r.path} /></span></h3>
              <pre lang="en" tabIndex={0}>{text.split("\n").map((l) => <><Text v={l} />{"\n"}</>)}</pre>
              <Bench id={r.id} event={event} />
            </div>
          </>
        )}
      </Answered>
    </section>
  );
}
