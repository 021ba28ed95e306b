import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "./client.ts";

/** What became of a question. */
export interface Answer<T> {
  data: T | undefined; // of the question before while the next one runs
  error: Refusal | undefined;
  busy: boolean;
  fresh: Date | undefined; // when data came
  retry: () => void;
  cancel: () => void;
}

/**
 * useAnswer asks when the key changes, and gives the old data meanwhile. A key of
 * undefined asks nothing. The question before is cancelled.
 */
export function useAnswer<T>(key: string | undefined, question: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const [state, set] = useState<{ data?: T; error?: Refusal; busy: boolean; fresh?: Date }>({ busy: key !== undefined });
  const [again, setAgain] = useState(0);
  const running = useRef<AbortController | undefined>(undefined);
  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    running.current = stop;
    set((s) => ({ ...s, busy: true }));
    question(stop.signal).then(
      (data) => !stop.signal.aborted && set({ data, busy: false, fresh: new Date() }),
      (e: unknown) => {
        if (stop.signal.aborted) return;
        const error = e instanceof Refusal ? e : new Refusal(0, e instanceof Error ? e.message : String(e));
        set((s) => ({ ...s, error, busy: false }));
      },
    );
    return () => stop.abort();
  }, [key, again]);
  return {
    data: state.data, error: state.error, busy: state.busy, fresh: state.fresh,
    retry: () => setAgain((n) => n + 1),
    cancel: () => {
      running.current?.abort();
      set((s) => ({ ...s, busy: false }));
    },
  };
}
