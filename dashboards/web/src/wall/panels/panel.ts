import type { FunctionComponent } from "preact";
import type { ScreenState } from "../state.ts";

/** What every panel is given: the state, how many rows there is room for, whether things may move. */
export interface Given {
  state: ScreenState;
  rows: number;
  still: boolean;
}

/** room is the height of a panel whose rows are all there: what stands below does not move when they come. */
export function room(head: number, row: number, rows: number): { minHeight: string } {
  return { minHeight: `${head + row * rows}px` };
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
