import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour, theme } from "../shell/theme.ts";
import { useStore } from "../shell/store.ts";
import type { Range } from "../time/range.ts";
import { zoneName } from "../time/zone.ts";
import { day, minute, short } from "../words/format.ts";
import type { Layer } from "./histogram.tsx";
import { stack } from "./histogram.tsx";

interface Props {
  label: string;
  times: number[];
  layers: Layer[]; // from the bottom up
  range: Range;
  height: number;
  onPick: (r: Range) => void;
}

/** Area stacks layers over time; a drag opens that part. */
export function Area({ label, times, layers, range, height, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const shade = useStore(theme);
  useEffect(() => {
    const el = box.current!;
    const come = times.findIndex((t) => t * 1000 > Date.now());
    const sums = stack(layers, times.length).reverse().map((s) => s.map((v, i) => (come >= 0 && i >= come ? null : v)));
    const u = new uPlot(options(layers, range, el.clientWidth, height, (r) => pick.current(r)), [times, ...sums] as uPlot.AlignedData, el);
    const watch = new ResizeObserver(() => u.setSize({ width: el.clientWidth, height }));
    watch.observe(el);
    return () => {
      watch.disconnect();
      u.destroy();
    };
  }, [times, layers, shade, zoneName(), height]);
  return <div class="area" role="img" aria-label={label} ref={box} style={{ height: `${height}px` }} />;
}

function options(layers: Layer[], range: Range, width: number, height: number, pick: (r: Range) => void): uPlot.Options {
  const text = colour("--text3");
  const font = `11px ${colour("--sans")}`;
  const line = colour("--line");
  const days = range.to.getTime() - range.from.getTime() > 2 * 86400e3;
  return {
    width, height,
    padding: [10, 4, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, y: false, drag: { x: true, y: false, setScale: false } },
    tzDate: (t) => uPlot.tzDate(new Date(t * 1000), zoneName()),
    scales: {
      x: { time: true, range: () => [range.from.getTime() / 1000, range.to.getTime() / 1000] },
      y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.05)] },
    },
    axes: [
      { stroke: text, font, size: 24, gap: 4, space: 90, grid: { show: false }, ticks: { show: false }, values: (_u, at) => at.map((t) => (days ? day(new Date(t * 1000)).slice(5) : minute(new Date(t * 1000)))) },
      { stroke: text, font, size: 44, gap: 6, space: 44, grid: { stroke: line, width: 1 }, ticks: { show: false }, values: (_u, at) => at.map(short) },
    ],
    series: [{}, ...[...layers].reverse().map((l) => ({
      stroke: colour(l.token), width: 1.25, points: { show: false },
      fill: colour(l.token) + Math.round((l.alpha ?? 1) * 255).toString(16).padStart(2, "0"),
    }))],
    bands: layers.length > 1 ? layers.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as [number, number] })) : [],
    hooks: {
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        pick({ from: new Date(u.posToVal(u.select.left, "x") * 1000), to: new Date(u.posToVal(u.select.left + u.select.width, "x") * 1000) });
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}
