import type { ComponentType } from "preact";
import type { IconName } from "../parts/icon.tsx";

/** A screen of the console. A folder of src/screens registers one from its index.tsx. */
export interface Screen {
  path: string; // "/search"
  icon: IconName;
  name: () => string;
  rail?: () => string; // shorter, for the rail
  letter: string; // of the keys g LETTER, lower case
  order: number; // in the rail
  foot?: boolean; // at the lower end of the rail
  view: ComponentType;
  badge?: ComponentType; // what waits there
}

const all: Screen[] = [];

/** register adds a screen; a path or letter that is taken is a mistake of the program. */
export function register(s: Screen): void {
  const taken = all.find((x) => x.path === s.path || x.letter === s.letter);
  if (taken) throw new Error(`screen ${s.path}: path or letter is that of ${taken.path}`);
  all.push(s);
  all.sort((a, b) => a.order - b.order);
}

export function screens(): readonly Screen[] {
  return all;
}

/** screenAt is the screen of a path, which may go on behind the screen's. */
export function screenAt(path: string): Screen | undefined {
  return all.find((s) => path === s.path || path.startsWith(`${s.path}/`));
}
