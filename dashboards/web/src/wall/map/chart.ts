import { visible } from "../../parts/hostile.ts";
import { count } from "../../words/format.ts";
import { type Drawn, leftward, type Line } from "./arcs.ts";
import { curve, type Curve } from "./curve.ts";
import { type Chart, echarts } from "./echarts.ts";
import { Flights } from "./flights.ts";
import { type Ground, projection } from "./ground.ts";
import type { Place } from "./places.ts";
import type { Point } from "./projection.ts";

const { graphic } = echarts;
const rgb = { blocked: "255,122,92", missed: "204,151,247" };
const colours = { text: "#EDF2F8", second: "#A9B7C8", land: "#2B4660", ground: "#05090F", ours: "#4DB6A6" };
const mostLines = 24;
const mostNames = 12;

/** The chart of the map: made once, and told what is new. */
export class MapChart {
  private readonly chart: Chart;
  private readonly flights: Flights;
  private readonly paths: InstanceType<typeof graphic.BezierCurve>[] = [];

  constructor(box: HTMLElement, private readonly ground: Ground, private readonly still: boolean, sharpness: number) {
    this.chart = echarts.init(box, null, { renderer: "canvas", devicePixelRatio: sharpness });
    this.flights = new Flights(this.chart);
    this.chart.setOption(base(ground));
  }

  dispose(): void {
    this.flights.land();
    this.chart.dispose();
  }

  /** show draws what was counted; what has just come flies. */
  show(drawn: Drawn, ours: Place[], fly: boolean): void {
    const top = drawn.sources[0]?.count ?? 1;
    const named = new Set(drawn.sources.slice(0, mostNames));
    this.chart.setOption({
      series: [
        {
          id: "sources",
          data: drawn.sources.slice(0, 2 * mostLines).map((s) => ({
            value: [...this.ground.fit(s.place.at), s.count],
            symbolSize: 7 + 11 * Math.sqrt(s.count / top),
            itemStyle: { color: glow(s.suspects ? rgb.missed : rgb.blocked) },
            label: {
              show: named.has(s), position: leftward(s.place) ? "left" : "right",
              formatter: `${leafless(s.place.name)} {n|${count(s.count)}}`,
            },
          })),
        },
        { id: "ours", data: ours.map((p) => ({ value: this.ground.fit(p.at) })) },
      ],
    });
    this.showLines(drawn.lines.slice(0, mostLines), fly);
  }

  private showLines(lines: Line[], fly: boolean): void {
    const top = lines[0]?.count ?? 1;
    lines.forEach((l, i) => {
      const c = curve(this.pixel(l.from.at), this.pixel(l.to.at));
      const weight = Math.sqrt(l.count / top);
      const tone = l.missed ? rgb.missed : rgb.blocked;
      this.path(i).attr(pathOf(c, tone, weight, this.still && l.recent > 0));
      if (!fly || this.still || l.recent === 0) return;
      const n = Math.min(3, 1 + Math.floor(Math.log2(l.recent)));
      for (let k = 0; k < n; k++) this.flights.launch(c, tone, 1.4 + 1.4 * weight, ((i * 371 + k * 1013) % 2900));
    });
    for (let i = lines.length; i < this.paths.length; i++) this.paths[i]!.attr({ invisible: true });
  }

  private path(i: number): InstanceType<typeof graphic.BezierCurve> {
    while (this.paths.length <= i) {
      const p = new graphic.BezierCurve({ silent: true, zlevel: 1 });
      this.paths.push(p);
      this.chart.getZr().add(p);
    }
    return this.paths[i]!;
  }

  private pixel(at: [number, number]): Point {
    return this.chart.convertToPixel({ geoIndex: 0 }, this.ground.fit(at)) as Point;
  }
}

function pathOf(c: Curve, tone: string, weight: number, bright: boolean) {
  const alpha = bright ? 1 : 0.3 + 0.4 * weight;
  return {
    invisible: false,
    shape: { x1: c.from[0], y1: c.from[1], x2: c.to[0], y2: c.to[1], cpx1: c.over[0], cpy1: c.over[1] },
    style: {
      fill: "none", lineWidth: 0.9 + 1.9 * weight,
      stroke: new graphic.LinearGradient(c.from[0], c.from[1], c.to[0], c.to[1], [{ offset: 0, color: `rgba(${tone},${alpha * 0.45})` }, { offset: 1, color: `rgba(${tone},${alpha})` }], true),
    },
  };
}

/** glow is a point with light around it. */
function glow(tone: string): InstanceType<typeof graphic.RadialGradient> {
  return new graphic.RadialGradient(0.5, 0.5, 0.5, [
    { offset: 0, color: "#fff" }, { offset: 0.22, color: `rgb(${tone})` }, { offset: 0.34, color: `rgb(${tone})` },
    { offset: 0.36, color: `rgba(${tone},.34)` }, { offset: 1, color: `rgba(${tone},.05)` },
  ]);
}

/** leafless is a name that no markup of ECharts is in. */
function leafless(name: string): string {
  return visible(name).replace(/[{}|]/g, " ");
}

function base(ground: Ground) {
  const own = ground.name === "own";
  const ring = { coordinateSystem: "geo", type: "scatter", silent: true, animation: false, zlevel: 2 };
  return {
    animation: false,
    geo: {
      map: ground.name, projection, silent: true, zlevel: 0, left: 0, top: own ? 0 : 8, right: 0, bottom: own ? 0 : 44,
      itemStyle: own ? { color: "transparent", borderWidth: 0 } : { color: "#122334", borderColor: "#31506E", borderWidth: 0.8 },
      emphasis: { disabled: true }, label: { show: false }, tooltip: { show: false },
    },
    series: [
      { ...ring, id: "land", zlevel: 0, large: true, largeThreshold: 1, symbolSize: 3.9, itemStyle: { color: colours.land }, data: ground.dots },
      { ...ring, id: "ours", symbolSize: 20, itemStyle: { color: oursGlow() }, data: [] },
      {
        ...ring, id: "sources", zlevel: 4, data: [], labelLayout: { hideOverlap: true },
        label: {
          color: colours.second, fontSize: 18, distance: 4, textBorderColor: colours.ground, textBorderWidth: 4,
          fontFamily: getComputedStyle(document.body).fontFamily,
          rich: { n: { color: colours.text, fontSize: 18, fontWeight: 600, textBorderColor: colours.ground, textBorderWidth: 4, fontFamily: getComputedStyle(document.body).fontFamily } },
        },
      },
    ],
  };
}

/** oursGlow is a ring around a point. */
function oursGlow(): InstanceType<typeof graphic.RadialGradient> {
  const c = colours.ours;
  return new graphic.RadialGradient(0.5, 0.5, 0.5, [
    { offset: 0, color: c }, { offset: 0.36, color: c }, { offset: 0.38, color: "rgba(77,182,166,0)" }, { offset: 0.8, color: "rgba(77,182,166,.1)" },
    { offset: 0.84, color: "rgba(77,182,166,.9)" }, { offset: 1, color: "rgba(77,182,166,.9)" },
  ]);
}
