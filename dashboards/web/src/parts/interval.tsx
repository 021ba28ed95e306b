import { dictionary } from "../words/dictionary.ts";

const words = dictionary("interval", {
  interval: (lo: string, hi: string) => `95 % interval ${lo} – ${hi}`,
}, {
  interval: (lo, hi) => `95 % 区间 ${lo} – ${hi}`,
});

/** roundMaximum is a round number that is at least x: 0.01, 0.02, 0.05, 0.1 … 1. */
export function roundMaximum(x: number): number {
  for (const m of [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]) if (x <= m) return m;
  return 1;
}

/** Interval draws a rate: the band of 95 %, the estimate, and the goal if there is one. */
export function Interval({ estimate, lo, hi, tone, goal }: { estimate: number; lo: number; hi: number; tone: string; goal?: number }) {
  const w = words();
  const max = roundMaximum(Math.max(hi * 1.15, goal ?? 0));
  const x = (v: number) => 2 + (376 * Math.min(v, max)) / max;
  const p = (v: number) => (v * 100).toFixed(max <= 0.05 ? 2 : 1);
  return (
    <div class="ivw">
      <svg class={`iv c-${tone}`} viewBox="0 0 380 18" preserveAspectRatio="none" aria-hidden="true">
        <path d="M0 9H380" stroke="var(--line2)" stroke-width="1.5" />
        <rect x={x(lo)} y="6" width={Math.max(2, x(hi) - x(lo))} height="6" rx="1.5" fill="currentColor" opacity=".4" />
        {goal !== undefined && <path d={`M${x(goal)} 1V17`} stroke="var(--text3)" stroke-width="1.5" stroke-dasharray="2 2" />}
        <rect x={x(estimate) - 3} y="5" width="6" height="8" rx="3" fill="currentColor" stroke="var(--surface)" stroke-width="1.5" />
      </svg>
      <div class="rx t3"><span>0</span><span>{w.interval(p(lo), p(hi))}</span><span>{max * 100} %</span></div>
    </div>
  );
}
