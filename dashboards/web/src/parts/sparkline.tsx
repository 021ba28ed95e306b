/** Sparkline draws a shape: its own scale, no axis. The figure stands beside it. */
export function Sparkline({ values, wide = 70, tone = "n" }: { values: number[]; wide?: number; tone?: string }) {
  const top = Math.max(1, ...values);
  const dx = wide / Math.max(1, values.length - 1);
  const at = values.map((v, i) => `${(i * dx).toFixed(1)} ${(14.5 - (13 * v) / top).toFixed(1)}`);
  const line = at.length < 2 ? `M0 14.5H${wide}` : `M${at.join("L")}`;
  return (
    <svg class={`spark c-${tone}`} width={wide} height="16" viewBox={`0 0 ${wide} 16`} aria-hidden="true">
      {at.length > 1 && <path d={`${line}L${wide} 16L0 16Z`} fill="currentColor" opacity=".16" />}
      <path d={line} fill="none" stroke="currentColor" stroke-width="1.25" />
    </svg>
  );
}
