import { store } from "./store.ts";

/** What has been done and can be taken back. */
export interface Deed {
  said: string; // "29 decisions marked false positive"
  undo?: () => Promise<void>;
  more?: { name: string; run: () => void }; // what may be done next
  failed?: boolean;
}

const done: Deed[] = [];

/** The deed that the toast shows. */
export const shown = store<Deed | undefined>(undefined);

/** tell shows what was done; with undo it can be taken back, also later. */
export function tell(d: Deed): void {
  if (d.undo) {
    done.push(d);
    if (done.length > 100) done.shift();
  }
  shown.set(d);
}

/** undoLast takes back the newest deed that has not been taken back. */
export async function undoLast(said: (d: Deed) => string, failed: (e: unknown) => string): Promise<void> {
  const d = done.pop();
  if (!d?.undo) return;
  try {
    await d.undo();
    shown.set({ said: said(d) });
  } catch (e) {
    done.push(d);
    shown.set({ said: failed(e), failed: true });
  }
}

export function canUndo(): boolean {
  return done.length > 0;
}
