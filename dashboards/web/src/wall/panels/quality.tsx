import { roundMaximum } from "../../parts/interval.tsx";
import { count } from "../../words/format.ts";
import type { Rate } from "../state.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel } from "./panel.ts";

const goals = { false_positive: 0.01, missed: 0.05 };
const width = 392;

/** digits of a share in per cent, as many as its goal can do with. */
function digits(x: number, goal: number): string {
  return (x * 100).toFixed(goal < 0.02 ? 2 : 1);
}

function One({ r, of }: { r: Rate | undefined; of: "false_positive" | "missed" }) {
  const w = wallWords();
  const [goal, tone, name] = of === "missed" ? [goals.missed, "cm", `◆ ${w.missedRate}`] as const : [goals.false_positive, "cf", `▲ ${w.fpRate}`] as const;
  const n = count(r?.n_labels ?? 0);
  const known = r?.estimate !== undefined && r.lo !== undefined && r.hi !== undefined;
  if (!known) {
    return (
      <div class="rate">
        <div><span class={tone}>{name}</span><b class="t3">–</b></div>
        <p><span class="t2">{w.notEnough(n)}</span></p>
        <p><span>{w.notEnoughHow}</span></p>
      </div>
    );
  }
  const [at, lo, hi] = [r.estimate!, r.lo!, r.hi!];
  const max = roundMaximum(Math.max(hi * 1.05, goal * 1.2));
  const x = (v: number) => 8 + ((width - 16) * Math.min(v, max)) / max;
  return (
    <div class="rate">
      <div><span class={tone}>{name}</span><b>{digits(at, goal)} %</b></div>
      <svg class={tone} width={width} height="26" viewBox={`0 0 ${width} 26`} aria-hidden="true">
        <path d={`M0 13H${width}`} stroke="var(--l2)" />
        <path d={`M${x(goal)} 2V24`} stroke="var(--t2)" stroke-dasharray="3 3" />
        <rect x={x(lo)} y="8" width={Math.max(3, x(hi) - x(lo))} height="10" rx="3" fill="currentColor" opacity=".4" />
        <circle cx={x(at)} cy="13" r="7" fill="currentColor" stroke="var(--bg)" stroke-width="2" />
      </svg>
      <p><span>{digits(lo, goal)} – {digits(hi, goal)}</span><span>{w.goal(n, String(goal * 100))}</span></p>
    </div>
  );
}

panel("quality", ({ state }) => {
  const w = wallWords();
  const rate = (name: Rate["rate"]) => state.rates?.find((r) => r.rate === name);
  return (
    <section>
      <Head title={w.quality}>{w.qualityNote}</Head>
      <One r={rate("false_positive")} of="false_positive" />
      <One r={rate("missed")} of="missed" />
    </section>
  );
});
