import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { colour, theme } from "../shell/theme.ts";
import { useStore } from "../shell/store.ts";
import type { Range } from "../time/range.ts";
import { zoneName } from "../time/zone.ts";
import { dictionary } from "../words/dictionary.ts";
import { count, day, minute, second, short } from "../words/format.ts";

const words = dictionary("histogram", {
  label: (n: string) => `Events over time, ${n} in all. Drag to choose a part, click a bar to zoom.`,
}, {
  label: (n) => `事件随时间的分布，共 ${n} 条。拖动选取一段，点击柱子放大。`,
});

/** One colour of the histogram; the first layer lies at the bottom. */
export interface Layer {
  name: string;
  token: string; // CSS variable of its colour
  alpha?: number;
  values: number[];
}

interface Props {
  times: number[]; // begin of each bucket, seconds
  bucket: number; // seconds
  layers: Layer[];
  range: Range;
  brush: Range | undefined;
  onBrush: (r: Range | undefined) => void;
  onZoom: (r: Range) => void;
}

/** stack sums the layers from the bottom up. */
export function stack(layers: Layer[], n: number): number[][] {
  const sum = new Array<number>(n).fill(0);
  return layers.map((l) => l.values.map((v, i) => (sum[i]! += v)));
}

/** highest is the top of the scale: that of all bars, also of one whose middle is not in the range yet. */
export function highest(layers: Layer[], n: number): number {
  return Math.max(1, ...(stack(layers, n).at(-1) ?? []));
}

/** Histogram draws stacked bars over time; a part of it can be brushed. */
export function Histogram(p: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const now = useRef(p);
  now.current = p;
  const shade = useStore(theme);
  const [frame, setFrame] = useState({ left: 0, width: 0 });
  const total = p.layers.reduce((a, l) => a + l.values.reduce((x, y) => x + y, 0), 0);

  useEffect(() => {
    const el = box.current!;
    const u = new uPlot(options(p, el.clientWidth), dataOf(p), el);
    plot.current = u;
    const fit = () => {
      u.setSize({ width: el.clientWidth, height });
      setFrame({ left: u.bbox.left / devicePixelRatio, width: u.bbox.width / devicePixelRatio });
    };
    fit();
    const watch = new ResizeObserver(fit);
    watch.observe(el);
    const stop = pointer(u, now);
    return () => {
      stop();
      watch.disconnect();
      u.destroy();
    };
  }, [p.layers, p.times, shade, zoneName()]);

  const x = (t: Date) => frame.left + (frame.width * (t.getTime() - p.range.from.getTime())) / (p.range.to.getTime() - p.range.from.getTime());
  return (
    <div class="hist" role="img" aria-label={words().label(count(total))}>
      <div class="hplot" ref={box} />
      {p.brush && frame.width > 0 && <Brush {...p} brush={p.brush} left={x(p.brush.from)} right={x(p.brush.to)} begin={frame.left} end={frame.left + frame.width} />}
    </div>
  );
}

function Brush({ brush, left, right, begin, end, times, layers, bucket }: Props & { brush: Range; left: number; right: number; begin: number; end: number }) {
  const [a, b] = [brush.from.getTime() / 1000, brush.to.getTime() / 1000];
  let n = 0;
  times.forEach((t, i) => {
    if (t >= a && t < b) for (const l of layers) n += l.values[i]!;
  });
  const show = bucket < 60 ? second : minute;
  const at = Math.max(begin, left);
  const to = Math.min(end, right);
  return (
    <>
      <div class="fade" style={{ left: `${begin}px`, width: `${Math.max(0, at - begin)}px` }} />
      <div class="fade" style={{ left: `${to}px`, width: `${Math.max(0, end - to)}px` }} />
      <div class="brush" style={{ left: `${at}px`, width: `${Math.max(2, to - at)}px` }}>
        <span class={at - begin > end - to ? "r" : "l"}>{show(brush.from)} – {show(brush.to)} · {count(n)}</span>
      </div>
    </>
  );
}

const height = 92;

function dataOf(p: Props): uPlot.AlignedData {
  const sums = stack(p.layers, p.times.length).reverse();
  return [p.times.map((t) => t + p.bucket / 2), ...sums] as uPlot.AlignedData;
}

function options(p: Props, width: number): uPlot.Options {
  const text = colour("--text3");
  const font = `11px ${colour("--sans")}`;
  const days = p.range.to.getTime() - p.range.from.getTime() > 2 * 86400e3;
  const top = highest(p.layers, p.times.length);
  const bars = uPlot.paths.bars!({ size: [1, Infinity, 0], gap: 1.5 });
  return {
    width, height,
    padding: [6, 0, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    tzDate: (t) => uPlot.tzDate(new Date(t * 1000), zoneName()),
    scales: {
      x: { time: true, range: () => [p.range.from.getTime() / 1000, p.range.to.getTime() / 1000] },
      y: { range: () => [0, top] },
    },
    axes: [
      {
        stroke: text, font, size: 20, gap: 4, space: 90, grid: { show: false }, ticks: { show: false },
        values: (_u, at) => within(p.range, width, at).map((t) => (t === null ? "" : days ? day(new Date(t * 1000)).slice(5) : minute(new Date(t * 1000)))),
      },
      { stroke: text, font, size: 40, gap: 6, splits: (u) => thirds(u.scales["y"]!.max ?? 1), grid: { show: false }, ticks: { show: false }, values: (_u, at) => at.map(short) },
    ],
    series: [{}, ...[...p.layers].reverse().map((l) => ({ fill: faded(l), width: 0, paths: bars, points: { show: false } }))],
  };
}

/** within leaves out marks, in seconds, whose text the edge of a chart so many pixels wide would cut. */
export function within(range: Range, width: number, at: number[]): (number | null)[] {
  const [from, to] = [range.from.getTime() / 1000, range.to.getTime() / 1000];
  const margin = ((to - from) * 18) / Math.max(1, width - 40);
  return at.map((t) => (t > to - margin ? null : t));
}

/** thirds are three round marks. */
function thirds(max: number): number[] {
  const step = [1, 2, 5].flatMap((x) => Array.from({ length: 9 }, (_, i) => x * 10 ** i)).sort((a, b) => a - b).find((s) => max / s <= 2.2) ?? max;
  return [0, step, 2 * step].filter((v) => v <= max);
}

/** faded mixes a colour with the surface, so that what lies behind does not shine through. */
function faded(l: Layer): string {
  const a = l.alpha ?? 1;
  if (a === 1) return colour(l.token);
  const [c, s] = [rgb(colour(l.token)), rgb(colour("--surface"))];
  return `rgb(${c.map((v, i) => Math.round(v * a + s[i]! * (1 - a))).join(" ")})`;
}

function rgb(hex: string): number[] {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** pointer brushes with a drag, and zooms to a bucket with a click. */
function pointer(u: uPlot, now: { current: Props }): () => void {
  const over = u.over;
  let begin: number | undefined;
  const at = (e: PointerEvent) => {
    const box = over.getBoundingClientRect();
    return u.posToVal(Math.max(0, Math.min(box.width, e.clientX - box.left)), "x");
  };
  const snap = (a: number, b: number): Range => {
    const { bucket, range } = now.current;
    const lo = Math.floor(Math.min(a, b) / bucket) * bucket;
    const hi = Math.max(lo + bucket, Math.ceil(Math.max(a, b) / bucket) * bucket);
    return { from: new Date(Math.max(range.from.getTime(), lo * 1000)), to: new Date(Math.min(range.to.getTime(), hi * 1000)) };
  };
  let x0 = 0;
  const down = (e: PointerEvent) => {
    if (e.button !== 0) return;
    begin = at(e);
    x0 = e.clientX;
    over.setPointerCapture(e.pointerId);
  };
  const move = (e: PointerEvent) => {
    if (begin !== undefined && Math.abs(e.clientX - x0) > 4) now.current.onBrush(snap(begin, at(e)));
  };
  const up = (e: PointerEvent) => {
    if (begin !== undefined && Math.abs(e.clientX - x0) <= 4) now.current.onZoom(snap(begin, begin + 1e-6));
    begin = undefined;
  };
  over.addEventListener("pointerdown", down);
  over.addEventListener("pointermove", move);
  over.addEventListener("pointerup", up);
  return () => {
    over.removeEventListener("pointerdown", down);
    over.removeEventListener("pointermove", move);
    over.removeEventListener("pointerup", up);
  };
}
