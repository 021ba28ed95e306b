import { count, minute } from "../../words/format.ts";
import { curves } from "../trend.ts";
import { wallWords } from "../words.ts";
import { panel } from "./panel.ts";

const [width, height] = [1016, 102];

/** path of points, and back along others if there are any. */
function path(of: [number, number][], top: number, back: [number, number][] = []): string {
  const xy = ([x, y]: [number, number]) => `${(x * width).toFixed(1)} ${(height - (y / top) * height).toFixed(1)}`;
  return of.length === 0 ? "" : `M${[...of, ...[...back].reverse()].map(xy).join("L")}${back.length > 0 ? "Z" : ""}`;
}

panel("traffic", ({ state }) => {
  const w = wallWords();
  const c = curves(state);
  const begin = new Date(state.day_start).getTime();
  const ground: [number, number][] = c.allowed.length > 0 ? [[c.allowed[0]![0], 0], [c.allowed.at(-1)![0], 0]] : [];
  const end = c.all.at(-1);
  const hour = (h: number) => {
    const text = minute(new Date(begin + h * 3600e3));
    return h === 24 && text === "00:00" ? "24:00" : text;
  };
  return (
    <section class="traffic">
      <h2>{w.traffic}<span class="key"><em class="ca">━ {w.allowed}</em><em class="cb">■ {w.mapBlocked}</em><em class="t3">┄ {w.yesterday}</em></span></h2>
      <svg width={width} height={height + 30} viewBox={`0 -4 ${width} ${height + 30}`} role="img" aria-label={w.traffic}>
        {end && <path d={`M0 ${height / 2}H${width}M0 0H${width}`} stroke="var(--l)" />}
        <path d={`M0 ${height}H${width}`} stroke="var(--l2)" />
        <path d={path(c.before, c.top)} fill="none" stroke="var(--t3)" stroke-dasharray="2 5" stroke-width="1.5" />
        <path d={path(c.allowed, c.top, ground)} fill="var(--a)" opacity=".16" />
        <path d={path(c.all, c.top, c.allowed)} fill="var(--b)" opacity=".85" />
        <path d={path(c.allowed, c.top)} fill="none" stroke="var(--a)" stroke-width="2" />
        {end && <circle cx={end[0] * width} cy={height - (end[1] / c.top) * height} r="5" fill="var(--b)" />}
        {[0, 4, 8, 12, 16, 20, 24].map((h) => (
          <text x={(h / 24) * width} y={height + 22} text-anchor={h === 0 ? "start" : h === 24 ? "end" : "middle"}>{hour(h)}</text>
        ))}
        {c.all.length + c.before.length > 0 && <text x={width} y="18" text-anchor="end">{w.traffic24(count(c.top))}</text>}
        {!end && <text x={width / 2} y={height / 2 + 6} text-anchor="middle">{(state.totals?.requests ?? 0) > 0 ? w.firstSteps : w.none}</text>}
      </svg>
    </section>
  );
});
