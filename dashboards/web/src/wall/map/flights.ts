import { along, type Curve } from "./curve.ts";
import { type Chart, echarts } from "./echarts.ts";
import type { Point } from "./projection.ts";

const { graphic } = echarts;

const travel = 3200; // milliseconds of a flight
const tail = 0.16; // of the path
const joints = 12; // points of the tail
const landing = 900; // milliseconds of the ring where it lands
const most = 72; // flights at once
const pace = 32; // milliseconds between two pictures

interface Flight {
  curve: Curve;
  rgb: string;
  width: number;
  begin: number; // of performance.now
  line: InstanceType<typeof graphic.Polyline>;
  head: InstanceType<typeof graphic.Circle>;
  halo: InstanceType<typeof graphic.Circle>;
  ring: InstanceType<typeof graphic.Circle>;
  points: Point[];
  busy: boolean;
}

/** What is on its way: each flight stands for requests that came since the state before. */
export class Flights {
  private readonly pool: Flight[] = [];
  private ticking = 0;
  private last = 0;

  constructor(private readonly chart: Chart) {}

  /** launch sends one off after a while; more than fit are left out. */
  launch(curve: Curve, rgb: string, width: number, after: number): void {
    const f = this.pool.find((x) => !x.busy) ?? this.make();
    if (!f) return;
    Object.assign(f, { curve, rgb, width, begin: performance.now() + after, busy: true });
    f.line.attr({ style: { lineWidth: width } });
    f.head.attr({ shape: { r: width + 0.4 }, style: { fill: "#fff" } });
    f.halo.attr({ shape: { r: width * 3 }, style: { fill: `rgba(${rgb},.35)` } });
    f.ring.attr({ style: { stroke: `rgb(${rgb})` } });
    if (this.ticking === 0) this.ticking = requestAnimationFrame(this.tick);
  }

  /** land takes everything off the map. */
  land(): void {
    cancelAnimationFrame(this.ticking);
    this.ticking = 0;
    for (const f of this.pool) this.rest(f);
  }

  private make(): Flight | undefined {
    if (this.pool.length >= most) return undefined;
    const still = { silent: true, ignore: true, zlevel: 3 };
    const points = Array.from({ length: joints }, (): Point => [0, 0]);
    const f: Flight = {
      curve: { from: [0, 0], over: [0, 0], to: [0, 0] }, rgb: "", width: 1, begin: 0, points, busy: false,
      line: new graphic.Polyline({ ...still, shape: { points }, style: { fill: "none", lineCap: "round", lineJoin: "round" } }),
      head: new graphic.Circle({ ...still, z: 2 }), halo: new graphic.Circle({ ...still, z: 1 }),
      ring: new graphic.Circle({ ...still, style: { fill: "none", lineWidth: 1.6 } }),
    };
    for (const e of [f.line, f.head, f.halo, f.ring]) this.chart.getZr().add(e);
    this.pool.push(f);
    return f;
  }

  private readonly tick = (now: number): void => {
    this.ticking = this.pool.some((f) => f.busy) ? requestAnimationFrame(this.tick) : 0;
    if (now - this.last < pace) return;
    this.last = now;
    for (const f of this.pool) if (f.busy) this.move(f, now - f.begin);
  };

  private move(f: Flight, age: number): void {
    if (age < 0) return;
    if (age > travel + landing) return this.rest(f);
    const head = Math.min(1, age / travel) * (1 + tail);
    const [from, to] = [Math.max(0, head - tail), Math.min(1, head)];
    const flying = from < 1;
    for (let i = 0; i < joints; i++) f.points[i] = along(f.curve, from + ((to - from) * i) / (joints - 1));
    const [a, b] = [f.points[0]!, f.points[joints - 1]!];
    f.line.attr({
      ignore: !flying, shape: { points: f.points },
      style: { stroke: new graphic.LinearGradient(a[0], a[1], b[0], b[1], [{ offset: 0, color: `rgba(${f.rgb},0)` }, { offset: 0.7, color: `rgb(${f.rgb})` }, { offset: 1, color: "#fff" }], true) },
    });
    f.line.dirtyShape();
    const tip = { ignore: head > 1 || !flying, shape: { cx: b[0], cy: b[1] } };
    f.head.attr(tip);
    f.halo.attr(tip);
    const landed = (age - travel / (1 + tail)) / landing;
    const show = landed >= 0 && landed <= 1;
    f.ring.attr({ ignore: !show, shape: { cx: f.curve.to[0], cy: f.curve.to[1], r: 8 + 14 * landed }, style: { opacity: show ? 0.9 * (1 - landed) : 0 } });
  }

  private rest(f: Flight): void {
    f.busy = false;
    for (const e of [f.line, f.head, f.halo, f.ring] as { hide(): void }[]) e.hide();
  }
}
