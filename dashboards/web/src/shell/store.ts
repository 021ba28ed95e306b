import { useEffect, useState } from "preact/hooks";

/** A value that components may follow. */
export interface Store<T> {
  get(): T;
  set(v: T): void;
  on(f: () => void): () => void;
}

export function store<T>(v: T): Store<T> {
  const listeners = new Set<() => void>();
  return {
    get: () => v,
    set(next) {
      if (Object.is(next, v)) return;
      v = next;
      for (const f of [...listeners]) f();
    },
    on(f) {
      listeners.add(f);
      return () => listeners.delete(f);
    },
  };
}

/** useStore gives the value, and draws the component anew when it changes. */
export function useStore<T>(s: Store<T>): T {
  const [, set] = useState(0);
  useEffect(() => s.on(() => set((n) => n + 1)), [s]);
  return s.get();
}
