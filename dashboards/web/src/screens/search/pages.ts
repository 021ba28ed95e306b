import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { post, Refusal } from "../../api/client.ts";
import type { Event, Events, Stats } from "../../api/types.ts";

/** Events as far as they are loaded. */
export interface Pages {
  events: Event[];
  stats: Stats | undefined;
  more: boolean;
  busy: boolean;
  error: Refusal | undefined;
  fresh: Date | undefined;
  next: () => void;
  retry: () => void;
  cancel: () => void;
}

const firstPage = 100; // quick to come
const laterPages = 1000;
const most = 100_000; // rows that are kept in the browser

/** usePages searches, and loads older events as they are asked for. */
export function usePages(key: string, question: { query: string; from: string; to: string } | undefined): Pages {
  const [state, set] = useState<Omit<Pages, "next" | "retry" | "cancel">>({
    events: [], stats: undefined, more: false, busy: question !== undefined, error: undefined, fresh: undefined,
  });
  const [again, setAgain] = useState(0);
  const run = useRef<{ stop: AbortController; token: string; loading: boolean } | undefined>(undefined);

  useEffect(() => {
    if (!question) return;
    const stop = new AbortController();
    const mine = { stop, token: "", loading: true };
    run.current = mine;
    set((s) => ({ ...s, busy: true, error: undefined }));
    post<Events>("/api/v1/search", { ...question, page_size: firstPage }, stop.signal).then((p) => {
      if (stop.signal.aborted) return;
      mine.token = p.next_page_token;
      mine.loading = false;
      set({ events: p.events, stats: p.stats, more: p.next_page_token !== "", busy: false, error: undefined, fresh: new Date() });
    }, (e: unknown) => {
      if (stop.signal.aborted) return;
      mine.loading = false;
      set((s) => ({ ...s, busy: false, error: e instanceof Refusal ? e : new Refusal(0, String(e)) }));
    });
    return () => stop.abort();
  }, [key, again]);

  const next = useCallback(() => {
    const mine = run.current;
    if (!mine || mine.loading || mine.token === "" || !question) return;
    mine.loading = true;
    post<Events>("/api/v1/search", { ...question, page_size: laterPages, page_token: mine.token }, mine.stop.signal).then((p) => {
      if (mine.stop.signal.aborted) return;
      mine.token = p.next_page_token;
      mine.loading = false;
      set((s) => {
        const events = s.events.concat(p.events);
        if (events.length >= most) mine.token = "";
        return { ...s, events, more: mine.token !== "" };
      });
    }, () => {
      mine.loading = false; // asked again with the next scroll
    });
  }, [key]);
  return {
    ...state, next,
    retry: () => setAgain((n) => n + 1),
    cancel: () => {
      run.current?.stop.abort();
      set((s) => ({ ...s, busy: false }));
    },
  };
}
