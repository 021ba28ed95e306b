import type { Evidence } from "../api/types.ts";
import { Text } from "../parts/text.tsx";
import { dictionary } from "../words/dictionary.ts";
import { probability, signed } from "../words/format.ts";
import { language, type Language } from "../words/language.ts";
import { useState } from "preact/hooks";

const words = dictionary("evidence", {
  evidence: "Evidence", attack: "attack", fp: "false positive", missed: "missed attack", harmless: "harmless",
  sum: "Sum, log-odds", prior: (p: string) => `Prior and calibration add ${p}`, means: (o: string, p: string) => `${o} means p = ${p}`,
  more: (n: number) => `${n} more`, less: "Less", none: "The model gave no reasons for this decision.", later: "Since then",
}, {
  evidence: "依据", attack: "像攻击", fp: "像误报", missed: "像漏报", harmless: "像正常",
  sum: "合计（对数几率）", prior: (p) => `先验与校正另加 ${p}`, means: (o, p) => `${o} 对应 p = ${p}`,
  more: (n) => `另有 ${n} 条`, less: "收起", none: "模型没有给出这条判定的依据。", later: "事后得知",
});

const base = new Set(["prior", "calibration"]);
const most = 7;

/** sayEvidence is a reason in a language, as the server says it, and whether that is English. */
export function sayEvidence(e: Evidence, tongue: Language = language()): { text: string; english: boolean } {
  if (tongue !== "en" && e.detail_zh) return { text: e.detail_zh, english: false };
  if (tongue !== "en" && e.detail === "" && e.name_zh) return { text: e.name_zh, english: false };
  const s = e.detail || e.name;
  return { text: s.charAt(0).toUpperCase() + s.slice(1), english: true };
}

/**
 * EvidenceBars weighs reasons for and against what is asked: whether a block was a
 * false positive, or a request that passed an attack.
 */
export function EvidenceBars({ evidence, later, blocked, p }: { evidence: Evidence[]; later: Evidence[]; blocked: boolean; p: number | undefined }) {
  const w = words();
  const [all, setAll] = useState(false);
  const turn = blocked ? -1 : 1; // weights speak for an attack
  const told = [...evidence.filter((e) => !base.has(e.name)), ...later].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const rest = evidence.filter((e) => base.has(e.name)).reduce((a, e) => a + e.weight * turn, 0);
  const sum = told.reduce((a, e) => a + e.weight * turn, 0);
  const top = Math.max(2, ...told.map((e) => Math.abs(e.weight)));
  const side = (x: number) => (x > 0 ? (blocked ? "f" : "m") : blocked ? "b" : "a");
  return (
    <>
      <div class="sh"><h2>{w.evidence}</h2><span class="sp" />
        <span class="lg"><span class={blocked ? "cb" : "ca"}>← {blocked ? w.attack : w.harmless}</span><span class={blocked ? "cf" : "cm"}>{blocked ? w.fp : w.missed} →</span></span>
      </div>
      {told.length === 0 && <p class="t3">{w.none}</p>}
      {(all ? told : told.slice(0, most)).map((e) => {
        const x = e.weight * turn;
        const said = sayEvidence(e);
        return (
          <div class="ev">
            <span class="et" lang={said.english ? "en" : undefined} title={`${said.english ? e.name : e.name_zh || e.name}: ${said.text}`}><Text v={said.text} />
              {later.includes(e) && <span class="t3"> · {w.later}</span>}</span>
            <span class={`eb c-${side(x)}`}><i class={x > 0 ? "pos" : "neg"} style={{ width: `${(Math.min(1, Math.abs(x) / top) * 48).toFixed(0)}%` }} /></span>
            <span class={`ew c-${side(x)}`}>{signed(x)}</span>
          </div>
        );
      })}
      {told.length > most && <button type="button" class="lnk sm" onClick={() => setAll(!all)}>{all ? w.less : w.more(told.length - most)}</button>}
      {told.length > 0 && <div class="ev tot"><span class="et">{w.sum}</span><span /><span class={`ew c-${side(sum)}`}>{signed(sum)}</span></div>}
      {p !== undefined && told.length > 0 && <p class="t3 sm">{w.prior(signed(rest))}{language() === "en" ? "; " : "；"}{w.means(signed(sum + rest), probability(p))}</p>}
    </>
  );
}
