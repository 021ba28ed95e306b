import type { Group } from "../../api/types.ts";
import { get } from "../../api/client.ts";
import { mayLabel } from "../../api/session.ts";
import type { Groups } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { ruleTitle } from "../../crs/titles.ts";
import { EvidenceBars } from "../../evidence/bars.tsx";
import { Key } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { link } from "../../shell/router.ts";
import { count, probability } from "../../words/format.ts";
import type { Whole } from "./detail.tsx";
import { keyOf, wrongOf, type Asked } from "./groups.ts";
import type { Verdict } from "./labelling.ts";
import { Reach } from "./reach.tsx";
import { decisionWords } from "./words.ts";

/** Opinion says what is thought of a decision, and takes a label. */
export function Opinion({ of, group, asked, marked, onLabel }: { of: Whole; group: Group; asked?: Asked | undefined; marked: number; onLabel: (v: Verdict) => void }) {
  const w = decisionWords();
  const d = of.detail.decision;
  const blocked = d.decision === "block";
  const attack = d.p_attack_now ?? d.p_attack;
  const wrong = attack === undefined ? undefined : blocked ? 1 - attack : attack;
  const { text, tone } = inWords(wrong, blocked);
  const hot = wrong !== undefined && wrong >= 0.5 ? (blocked ? "legitimate" : "attack") : undefined;
  const button = (v: Verdict, name: string, key: string) => (
    <button type="button" class={`lb${hot === v ? ` hot c-${tone}` : ""}`} disabled={!mayLabel()} onClick={() => onLabel(v)}><span>{name}</span><Key>{key}</Key></button>
  );
  const before = group.labels.reduce((a, l) => a + l.n, 0);
  return (
    <section class="vb first">
      <div class="vt">
        <div>
          <div class={`big c-${tone}`}><Icon name={tone === "f" ? "g-fp" : tone === "m" ? "g-missed" : tone === "b" ? "g-blocked" : "g-allowed"} /> {text}</div>
          <div class="t2">{wrong !== undefined && <>{w.pWrong} <b>{probability(wrong)}</b></>} {group.n > 1 && <span class="t3 bl">{w.expected(count(Math.round(group.expected_wrong)), count(group.n))}</span>}</div>
        </div>
        {wrong !== undefined && <Dot p={wrong} tone={tone} />}
      </div>
      <div class="labels" role="group" aria-label={w.p}>
        {button("legitimate", blocked ? w.lFp : w.lHarmless, "f")}
        {button("attack", w.lAttack, "t")}
        {button("test", w.lTest, "b")}
        {button("unsure", w.lUnsure, "u")}
      </div>
      <p class="t3 sm">
        <Reach group={group} asked={asked} marked={marked} />
        {before > 0 && ` ${w.labelled(count(before))}`}
      </p>
    </section>
  );
}

function inWords(wrong: number | undefined, blocked: boolean): { text: string; tone: string } {
  const w = decisionWords();
  if (wrong === undefined) return { text: w.vNone, tone: "n" };
  if (blocked) {
    if (wrong >= 0.5) return { text: w.vFp, tone: "f" };
    return wrong >= 0.2 ? { text: w.vMaybeFp, tone: "f" } : { text: w.vAttack, tone: "b" };
  }
  if (wrong >= 0.5) return { text: w.vMissed, tone: "m" };
  return wrong >= 0.2 ? { text: w.vMaybeMissed, tone: "m" } : { text: w.vHarmless, tone: "a" };
}

function Dot({ p, tone }: { p: number; tone: string }) {
  return (
    <div class="pi">
      <svg class={`c-${tone}`} width="96" height="18" viewBox="0 0 96 18" aria-hidden="true">
        <path d="M0 9H96" stroke="var(--line2)" />
        <circle cx={4 + p * 88} cy="9" r="4" fill="currentColor" stroke="var(--surface)" stroke-width="1.5" />
      </svg>
      <div class="t3"><span>0</span><span>0.5</span><span>1</span></div>
    </div>
  );
}

/** Reasons weighs the evidence. */
export function Reasons({ of }: { of: Whole }) {
  const d = of.detail.decision;
  const p = d.p_attack === undefined ? undefined : d.decision === "block" ? 1 - d.p_attack : d.p_attack;
  return <section class="vb"><EvidenceBars evidence={d.evidence} later={d.later_evidence} blocked={d.decision === "block"} p={d.later_evidence.length > 0 ? undefined : p} /></section>;
}

/** Similar lists other groups of the same rule and what was said of them. */
export function Similar({ group, range }: { group: Group; range: { from: string; to: string } }) {
  const w = decisionWords();
  const of = useAnswer(group.rule ? `${group.rule} ${range.from} ${range.to}` : undefined, (s) => get<Groups>("/api/v1/decisions:groups", {
    filter: `rule.id: ${quote(group.rule)}`, order_by: "count", page_size: 20, ...range,
  }, s));
  if (!group.rule || !of.data) return null;
  const others = of.data.groups.filter((g) => keyOf(g) !== keyOf(group)).slice(0, 5);
  return (
    <section class="vb sim">
      <div class="sh"><h2>{w.similar}</h2><span class="sp" /><a href={link("/search", { q: `rule.id: ${quote(group.rule)}`, ...range })}>{w.allSimilar}</a></div>
      {others.length === 0 && <p class="t3 sm">{w.noSimilar}</p>}
      {others.map((g) => (
        <a class="sr" href={link("/decisions", { ...range, id: g.examples[0]?.id, source: g.examples[0]?.source, q: `rule.id: ${quote(g.rule)}` })}>
          <span class="mono el"><Text v={g.path_template} /> <span class="t3"><Text v={g.rule === group.rule ? g.variable : `${g.rule} ${ruleTitle(g.rule)}`} /></span></span>
          <span class="t2">{w.hits(count(g.n))}</span>
          <span class="num"><Said g={g} /></span>
        </a>
      ))}
    </section>
  );
}

function Said({ g }: { g: Group }) {
  const w = decisionWords();
  const most = [...g.labels].sort((a, b) => b.n - a.n)[0];
  if (!most) return <span class="t3">{probability(wrongOf(g))}</span>;
  const said: Record<string, [string, string]> = {
    false_positive: ["cf", w.lFp], true_positive: ["cb", w.labelAttack], benign: ["ca", w.labelTest], unsure: ["t3", w.lUnsure],
  };
  const [tone, name] = said[most.label] ?? ["t3", most.label];
  return <span class={tone}><Icon name="check" small /> {name}</span>;
}
