import { zoneName } from "../time/zone.ts";
import { type Place, placeOfZone } from "./map/places.ts";

/** What stands where, as the server read it from the file of the operator. */
export interface Layout {
  title?: string;
  home?: Spot;
  sites?: Record<string, Spot>;
  map?: { number: string };
  screens: Record<string, Screen>;
}

export interface Spot {
  name?: string;
  lon: number;
  lat: number;
}

export interface Screen {
  title?: string;
  left: Part[] | null;
  middle: Part[] | null;
  right: Part[] | null;
}

export interface Part {
  panel: string;
  rows?: number;
}

let known: Layout = { screens: {} };

/** startLayout takes the layout from the document. */
export function startLayout(of: HTMLElement): void {
  known = JSON.parse(of.dataset["layout"] || '{"screens":{}}') as Layout;
}

export function layout(): Layout {
  return known;
}

/** home is where a site stands: its own place, that of all, or a guess by the time zone. */
export function home(site: string): Place {
  const spot = Object.hasOwn(known.sites ?? {}, site) ? known.sites![site] : known.home;
  return spot ? { name: spot.name ?? "", at: [spot.lon, spot.lat] } : placeOfZone(zoneName());
}

/** guessed is whether the place of a site is not told. */
export function guessed(): boolean {
  return known.home === undefined && Object.keys(known.sites ?? {}).length === 0;
}
