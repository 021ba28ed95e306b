import type { DecisionDetail, Match } from "../../api/types.ts";
import { ruleTitle } from "../../crs/titles.ts";
import { ofCrs, pointsOf, Severity } from "../../parts/severity.tsx";
import { Text } from "../../parts/text.tsx";
import { decisionWords } from "./words.ts";

/** A rule that matched, and what it added. */
export interface Scored {
  rule: string;
  message: string;
  severity: string;
  points: number; // 0 if it was logged only
}

/** scoredOf is each rule once: those that scored first, by points. */
export function scoredOf(d: DecisionDetail): Scored[] {
  const by = new Map<string, Match>();
  for (const m of d.matches) if (!by.has(m.rule)) by.set(m.rule, m);
  const scoring = new Set(d.decision.rules);
  return [...by.values()]
    .map((m) => ({ rule: m.rule, message: m.message, severity: m.severity, points: scoring.has(m.rule) ? pointsOf(m.severity) : 0 }))
    .sort((a, b) => b.points - a.points);
}

/** without is the score that remains without some rules. */
export function without(d: DecisionDetail, rules: string[]): number {
  const gone = scoredOf(d).filter((s) => rules.includes(s.rule)).reduce((a, s) => a + s.points, 0);
  return Math.max(0, d.decision.anomaly_score - gone);
}

/** Score builds the score up to the threshold, rule by rule. */
export function Score({ detail, rule, threshold }: { detail: DecisionDetail; rule: string; threshold: number }) {
  const w = decisionWords();
  const score = detail.decision.anomaly_score;
  const all = scoredOf(detail);
  const max = Math.max(10, score);
  const rest = without(detail, [rule]);
  const parts = all.filter((s) => s.points > 0);
  const known = parts.reduce((a, s) => a + s.points, 0);
  let sum = 0;
  return (
    <section class="cs" aria-label={w.score}>
      <div class="sh">
        <h2>{w.score}</h2>
        <span class="t2"><b class={score >= threshold ? "cb" : ""}>{score}</b>{w.comma}{w.threshold(threshold)}</span>
        <span class="sp" />
        {parts.length > 0 && <span class="t3">{w.without(rest, rule, rest < threshold)}</span>}
      </div>
      {all.length === 0 ? <div class="code note t3">{w.scoreless}</div> : (
        <>
          <div class="score" aria-hidden="true">
            <div class="track">
              {parts.map((s) => {
                sum += s.points;
                const over = sum - s.points >= threshold;
                return <span class={`sg ${over ? "over" : "in"}`} style={{ width: `${(100 * s.points) / max}%` }}><b class="mono">{s.rule}</b><span>+{s.points}</span></span>;
              })}
              {score > known && <span class="sg over" style={{ width: `${(100 * (score - known)) / max}%` }}><span>+{score - known}</span></span>}
              <span class="thr" style={{ left: `${(100 * threshold) / max}%` }} />
            </div>
            <div class="axs mono t3">
              <span class="first">0</span>
              <span class="cb" style={{ left: `${(100 * threshold) / max}%` }}>{threshold} {w.thresholdWord}</span>
              {score > threshold && score < max && <span style={{ left: `${(100 * score) / max}%` }}>{score}</span>}
              <span class="end">{max}</span>
            </div>
          </div>
          <table class="rt"><tbody>
            {all.map((s) => (
              <tr class={s.points === 0 ? "t3" : ""}>
                <td class="mono"><Text v={s.rule} /></td>
                <td class="el" title={s.message}>{ruleTitle(s.rule) || <span lang="en"><Text v={s.message} /></span>}</td>
                <td>{s.points === 0 ? w.logged : <Severity level={ofCrs(s.severity)} word />}</td>
                <td class={`num${s.points > 0 ? " cb" : ""}`}>{s.points > 0 ? `+${s.points}` : 0}</td>
              </tr>
            ))}
          </tbody></table>
        </>
      )}
    </section>
  );
}
