import { useEffect, useRef } from "preact/hooks";
import { Button, IconButton } from "../parts/button.tsx";
import { capsOf, keyMap, keysOn, setKeysOn, useKeys } from "./keys.ts";
import { useStore } from "./store.ts";
import { shellWords } from "./words.ts";

/** KeySheet lists what all keys do on this screen. */
export function KeySheet({ close }: { close: () => void }) {
  const w = shellWords();
  const on = useStore(keysOn);
  const box = useRef<HTMLDivElement>(null);
  const map = useRef(keyMap());
  useKeys(() => w.keysTitle, [{ code: "Escape", what: () => w.close, run: close, inInputs: true }]);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.focus();
    return () => before?.focus();
  }, []);
  return (
    <div class="veil" onClick={(e) => e.target === e.currentTarget && close()}>
      <div class="sheet" role="dialog" aria-modal="true" aria-label={w.keysTitle} tabIndex={-1} ref={box}>
        <div class="ph"><h2>{w.keysTitle}</h2><span class="sp" /><IconButton icon="x" label={w.close} onClick={close} /></div>
        <div class="kcols">
          {map.current.map((l) => (
            <section>
              <h3>{l.title}</h3>
              <dl>{l.bindings.map((b) => (
                <div><dt>{capsOf(b.code).map((c) => <kbd>{c}</kbd>)}</dt><dd>{b.what()}</dd></div>
              ))}</dl>
            </section>
          ))}
        </div>
        <div class="kf"><span class="t2">{on ? w.keysOn : w.keysOff}</span>
          <Button onClick={() => setKeysOn(!on)}>{on ? w.keysOff : w.keysOn}</Button></div>
      </div>
    </div>
  );
}
