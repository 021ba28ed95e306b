import { useEffect, useRef } from "preact/hooks";
import { count } from "../words/format.ts";

const roll = 900; // milliseconds from one total to the next

/** Rolling is a total that runs up to its new value. */
export function Rolling({ n, still }: { n: number; still: boolean }) {
  const box = useRef<HTMLElement>(null);
  const shown = useRef(n);
  useEffect(() => {
    const [from, begin] = [shown.current, performance.now()];
    const put = (v: number) => {
      shown.current = v;
      box.current!.textContent = count(v);
    };
    if (still || n <= from) return put(n);
    let next = requestAnimationFrame(function step(now) {
      const t = Math.min(1, Math.max(0, now - begin) / roll);
      put(Math.round(from + (n - from) * (1 - (1 - t) ** 3)));
      if (t < 1) next = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(next);
  }, [n, still]);
  return <b ref={box} data-n={n} />;
}
