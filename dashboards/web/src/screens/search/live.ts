import { useEffect, useRef, useState } from "preact/hooks";
import { tail } from "../../api/tail.ts";
import type { Event } from "../../api/types.ts";

/** Events that have come since the tail began, the newest first. */
export interface Live {
  shown: Event[];
  waiting: number; // come and not shown yet
  missed: number;
  show: () => void;
}

const most = 5000;

/** useLive follows a query while on; what comes is shown every second unless held. */
export function useLive(on: boolean, query: string, held: () => boolean): Live {
  const [state, set] = useState({ shown: [] as Event[], waiting: 0, missed: 0 });
  const buffer = useRef<Event[]>([]);
  const show = () => {
    const come = buffer.current;
    buffer.current = [];
    set((s) => ({ ...s, shown: come.reverse().concat(s.shown).slice(0, most), waiting: 0 }));
  };
  useEffect(() => {
    buffer.current = [];
    set({ shown: [], waiting: 0, missed: 0 });
    if (!on) return;
    const stop = new AbortController();
    const follow = async () => {
      for (;;) {
        try {
          await tail(query, (t) => {
            if (t.event) buffer.current.push(t.event);
            if (buffer.current.length > most) buffer.current.shift();
            if (t.missed) set((s) => ({ ...s, missed: s.missed + t.missed! }));
          }, stop.signal);
        } catch {
          if (stop.signal.aborted) return;
        }
        await new Promise((f) => setTimeout(f, 2000)); // the server was away: try again
        if (stop.signal.aborted) return;
      }
    };
    void follow();
    const beat = setInterval(() => {
      if (buffer.current.length === 0) return;
      if (held()) set((s) => ({ ...s, waiting: buffer.current.length }));
      else show();
    }, 1000);
    return () => {
      stop.abort();
      clearInterval(beat);
    };
  }, [on, query]);
  return { ...state, show };
}
