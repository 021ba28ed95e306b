import { useEffect, useMemo } from "preact/hooks";
import { presets, type Preset } from "../time/presets.ts";
import { rangeOf, shift, width, type Range } from "../time/range.ts";
import { here, setParams, usePlace } from "./router.ts";
import { store, useStore } from "./store.ts";

/** The preset that the range came from, as long as nobody has moved it since. */
const followed = store<Preset | undefined>(presets[3]);
/** Counts the times that the data was asked for anew. */
const tick = store(0);

/** usual is the width of a range that no link states, in milliseconds. */
export const usual = presets[3]!.ms;

/** setRange puts a range into the link, in absolute times. */
export function setRange(r: Range, preset?: Preset, instead = false): void {
  followed.set(preset);
  setParams({ from: r.from.toISOString(), to: r.to.toISOString() }, instead);
}

export function setPreset(p: Preset, instead = false): void {
  const to = new Date();
  setRange({ from: new Date(to.getTime() - p.ms), to }, p, instead);
}

/** timesToKeep is the range as a saved search has it: relative as long as a preset is followed. */
export function timesToKeep(): { from: string; to: string } {
  const p = followed.get();
  if (p) return { from: p.text, to: "now" };
  const { params } = here();
  return { from: params.get("from") ?? "", to: params.get("to") ?? "" };
}

/** refresh asks for everything anew; a preset range moves to now. */
export function refresh(): void {
  const p = followed.get();
  if (p) setPreset(p, true);
  tick.set(tick.get() + 1);
}

/** step goes to the range before or after the present one. */
export function step(by: number): void {
  const { params } = here();
  setRange(shift(rangeOf(params.get("from") ?? "", params.get("to") ?? "", new Date(), usual), by));
}

/** zoom makes the range by times as wide around its middle. */
export function zoomOut(r: Range): void {
  const by = width(r) / 2;
  setRange({ from: new Date(r.from.getTime() - by), to: new Date(r.to.getTime() + by) });
}

/** useRange is the range of the link, which it writes there where it is missing. */
export function useRange(): { range: Range; preset: Preset | undefined; tick: number } {
  const { params } = usePlace();
  const preset = useStore(followed);
  const n = useStore(tick);
  const from = params.get("from") ?? "";
  const to = params.get("to") ?? "";
  const range = useMemo(() => rangeOf(from, to, new Date(), preset?.ms ?? usual), [from, to, n]);
  useEffect(() => {
    if (from === "" || to === "") {
      setParams({ from: range.from.toISOString(), to: range.to.toISOString() }, true);
    } else if (!from.endsWith("Z") || !to.endsWith("Z")) {
      setRange(range, undefined, true); // a relative link becomes absolute once it is opened
    }
  }, [from, to]);
  return { range, preset, tick: n };
}
