import type { FunctionComponent } from "preact";
import type { ScreenState } from "../state.ts";

/** What every panel is given: the state, how many rows there is room for, whether things may move. */
export interface Given {
  state: ScreenState;
  rows: number;
  still: boolean;
}

export type Panel = FunctionComponent<Given>;

const panels = new Map<string, Panel>();

/** panel makes a panel known by the name that layouts have for it. */
export function panel(name: string, of: Panel): void {
  if (panels.has(name)) throw new Error(`two panels ${name}`);
  panels.set(name, of);
}

export function panelOf(name: string): Panel | undefined {
  return panels.get(name);
}

export function panelNames(): string[] {
  return [...panels.keys()].sort();
}
