import type { Point } from "./projection.ts";

/** A flight path: a quadratic curve that rises over the straight line. */
export interface Curve {
  from: Point;
  over: Point;
  to: Point;
}

/** curve bends more the farther it goes, and stays on the map. */
export function curve(from: Point, to: Point): Curve {
  const far = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const rise = 12 + far * 0.26;
  const x = (from[0] + to[0]) / 2;
  const y = Math.min(from[1], to[1]) * 0.35 + ((from[1] + to[1]) / 2) * 0.65 - rise;
  return { from, over: [x, Math.max(-40, y)], to };
}

/** along is the place at a share of the curve. */
export function along({ from, over, to }: Curve, t: number): Point {
  const u = 1 - t;
  return [u * u * from[0] + 2 * u * t * over[0] + t * t * to[0], u * u * from[1] + 2 * u * t * over[1] + t * t * to[1]];
}
