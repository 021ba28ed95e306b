import { echarts } from "./echarts.ts";
import { frame, landDots, nearest, type Point, project, unproject, unwrap, within } from "./projection.ts";

/** What lies under the places: our dots of land, or a map of the operator. */
export interface Ground {
  name: string; // under which ECharts knows it
  /** a place as the map takes it, or the nearest that it shows */
  fit: (at: [lon: number, lat: number]) => Point;
  dots: Point[];
}

type Geometry = { type: string; coordinates: unknown };

/** ownGround is a frame without anything in it, and dots where there is land. */
export function ownGround(): Ground {
  const edge: Point[] = [];
  const [w, h] = [frame.width, frame.height];
  for (const [x, y] of [[0, 0], [w, 0], [w, h], [0, h], [0, 0]] as Point[]) edge.push(unproject([x, y]));
  register("own", { type: "FeatureCollection", features: [{ type: "Feature", properties: { name: "" }, geometry: { type: "Polygon", coordinates: [edge] } }] });
  const [[left, top], [right, bottom]] = [edge[0]!, edge[2]!];
  return {
    name: "own",
    fit: ([lon, lat]) => [within(unwrap(lon), left + 1, right - 1), within(lat, bottom + 1, top - 1)],
    dots: landDots(),
  };
}

/** operatorGround is a map in GeoJSON; places beyond it lie at its edge. */
export function operatorGround(map: unknown): Ground {
  const [left, bottom, right, top] = bounds(map);
  register("operator", map);
  return {
    name: "operator",
    fit: ([lon, lat]) => [nearest(lon, left, right), within(lat, bottom, top)],
    dots: [],
  };
}

function register(name: string, map: unknown): void {
  echarts.registerMap(name, map as never);
}

/** bounds of all coordinates; it throws for what is no map. */
function bounds(map: unknown): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  const take = (c: unknown): void => {
    if (!Array.isArray(c)) throw new Error("coordinates are no list");
    if (typeof c[0] !== "number") return c.forEach(take);
    const [lon, lat] = c as Point;
    if (!(Math.abs(lon) <= 540 && Math.abs(lat) <= 90)) throw new Error("coordinates are not degrees");
    box[0] = Math.min(box[0], lon);
    box[1] = Math.min(box[1], lat);
    box[2] = Math.max(box[2], lon);
    box[3] = Math.max(box[3], lat);
  };
  for (const f of (map as { features: { geometry?: Geometry | null }[] }).features) if (f.geometry) take(f.geometry.coordinates);
  if (!(box[2] > box[0])) throw new Error("the map is empty");
  return box;
}

/** projection is ours for all maps. */
export const projection = {
  project: (p: Point): Point => project(p),
  unproject: (p: Point): Point => unproject(p),
};
