import { store } from "../shell/store.ts";
import type { ScreenState } from "./state.ts";

/** What came last, and whether more is coming. */
export interface Feed {
  state: ScreenState | undefined;
  /** since when nothing has come, in milliseconds; undefined while states come in time */
  lost: number | undefined;
  /** the server refuses: the session or the token of the screen is over */
  ended: boolean;
}

export const feed = store<Feed>({ state: undefined, lost: undefined, ended: false });

const silence = 12_000; // four states are missing
const first = 1000; // before the first new try, doubled up to the longest
const longest = 30_000;

/**
 * follow shows each state that the server sends, until the page is left. A stream that
 * ends or falls silent is begun again, later each time, also after the session is over:
 * somebody may sign in beside it.
 */
export function follow(path: string): void {
  let wait = first;
  let source: EventSource | undefined;
  let watchdog = 0;
  const begin = () => {
    source = new EventSource(path);
    source.onmessage = (m) => {
      wait = first;
      rest();
      feed.set({ state: JSON.parse(m.data as string) as ScreenState, lost: undefined, ended: false });
    };
    source.onerror = again;
    rest();
  };
  const rest = () => {
    clearTimeout(watchdog);
    watchdog = window.setTimeout(again, silence);
  };
  const again = () => {
    source?.close();
    source = undefined;
    clearTimeout(watchdog);
    const was = feed.get();
    if (was.lost === undefined) feed.set({ ...was, lost: Date.now() });
    watchdog = window.setTimeout(() => allowed().then(begin, again), wait * (0.75 + Math.random() / 2));
    wait = Math.min(longest, wait * 2);
  };
  begin();
}

/** allowed waits for the answer whether there is a session, and fails if there is none. */
async function allowed(): Promise<void> {
  const answer = await fetch("/api/v1/session", { credentials: "same-origin", headers: { "X-Gatewatch-Unasked": "1" }, signal: AbortSignal.timeout(10_000) });
  if (answer.status === 401) feed.set({ ...feed.get(), ended: true });
  if (!answer.ok) throw new Error(String(answer.status));
}
