import { land, water } from "./land.ts";

/** The frame of the map on the canvas, in its pixels. */
export const frame = { width: 1016, height: 500 };

export type Point = [x: number, y: number];

const cut = -30; // degrees of longitude at the left edge: the Pacific lies in the middle, half of the Atlantic at each side
const radius = frame.width / (2 * Math.PI);
const equator = 329; // its y
const rad = Math.PI / 180;

/** unwrap moves a longitude into the 360 degrees from the left edge. */
export function unwrap(lon: number): number {
  return ((((lon - cut) % 360) + 360) % 360) + cut;
}

/** within is the number between two that is nearest. */
export function within(x: number, lo: number, hi: number): number {
  return Math.min(hi, Math.max(lo, x));
}

/** nearest is a longitude on a map from left to right, or the edge that is nearer around the earth. */
export function nearest(lon: number, left: number, right: number): number {
  const off = (l: number) => Math.abs(l - within(l, left, right));
  return within([lon - 360, lon, lon + 360].sort((a, b) => off(a) - off(b))[0]!, left, right);
}

/** project is Miller's cylindrical projection; longitudes are unwrapped. */
export function project([lon, lat]: Point): Point {
  return [(lon - cut) * rad * radius, equator - radius * 1.25 * Math.asinh(Math.tan(0.8 * lat * rad))];
}

/** unproject is the way back. */
export function unproject([x, y]: Point): Point {
  return [x / radius / rad + cut, Math.atan(Math.sinh((equator - y) / radius / 1.25)) / 0.8 / rad];
}

/** inside is whether a place lies in a ring; a ring may reach over 180 degrees. */
function inside(ring: number[], lon: number, lat: number): boolean {
  let is = false;
  for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
    const [x1, y1, x2, y2] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!];
    if (y1 > lat !== y2 > lat && lon < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1) is = !is;
  }
  return is;
}

/** isLand tells land from sea. */
export function isLand(lon: number, lat: number): boolean {
  const at = lon > 180 ? lon - 360 : lon;
  return land.some((r) => inside(r, at, lat)) && !water.some((r) => inside(r, at, lat));
}

/** landDots are the places of a grid that lie on land, longitudes unwrapped. */
export function landDots(): Point[] {
  const dots: Point[] = [];
  const [dx, dy] = [7.56, 6.55];
  for (let row = 0; row * dy <= frame.height; row++) {
    for (let x = row % 2 ? dx / 2 : 0; x <= frame.width; x += dx) {
      const at = unproject([x, row * dy]);
      if (isLand(at[0], at[1])) dots.push(at);
    }
  }
  return dots;
}
