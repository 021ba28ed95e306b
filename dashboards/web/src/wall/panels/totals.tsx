import { Text } from "../../parts/text.tsx";
import { sigmaTitle } from "../../sigma/titles.ts";
import { count, percent, second } from "../../words/format.ts";
import { Rolling } from "../rolling.tsx";
import { wallWords } from "../words.ts";
import { panel } from "./panel.ts";

/** change is how much more than before, with its sign. */
function change(now: number, before: number): string {
  const p = (100 * (now - before)) / before;
  return `${p < 0 ? "\u2212" : "+"}${Math.abs(p).toFixed(1)} %`;
}

panel("totals", ({ state, still }) => {
  const w = wallWords();
  const t = state.totals ?? {};
  const [all, blocked, before] = [t.requests ?? 0, t.blocked ?? 0, t.requests_before ?? 0];
  const last = (state.feed ?? []).find((i) => i.finding);
  return (
    <section class="totals">
      <div><span>{w.requests}</span><Rolling n={all} still={still} /><i>{before > 0 ? w.before(change(all, before)) : w.noBefore}</i></div>
      <div><span class="cb">■ {w.blocked}</span><Rolling n={blocked} still={still} /><i>{w.blockedShare(percent(all > 0 ? blocked / all : 0))}</i></div>
      <div><span class="cx">{w.now}</span><span class="big"><Rolling n={t.requests_last_minute ?? 0} still={still} /><small>{w.perMinute}</small></span><i>{w.peak(count(t.requests_peak_minute ?? 0))}</i></div>
      <div><span>{w.findings}</span><Rolling n={t.findings ?? 0} still={still} /><i class="el">{last ? <>{w.lastFinding(second(new Date(last.time)))} <Text v={sigmaTitle(last.rule_name ?? "").text} /></> : (t.findings ?? 0) > 0 ? w.findingsBefore : w.noFinding}</i></div>
    </section>
  );
});
