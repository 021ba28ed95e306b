import { Refusal } from "../api/client.ts";
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
    if (mayPass(e)) done.push(d); // else it would stand before all that was done earlier
    shown.set({ said: failed(e), failed: true });
  }
}

/** mayPass tells whether the same may be done later. */
function mayPass(e: unknown): boolean {
  return e instanceof Refusal && (e.status === 0 || e.status === 429 || e.status >= 500);
}

export function canUndo(): boolean {
  return done.length > 0;
}
