import { useEffect, useState } from "preact/hooks";
import { Refusal } from "../api/client.ts";
import { Key } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { reasonOf } from "../parts/states.tsx";
import { Text } from "../parts/text.tsx";
import { useStore } from "./store.ts";
import { shown, undoLast } from "./undo.ts";
import { shellWords } from "./words.ts";

/** undo takes back the newest deed and says so. */
export function undo(): void {
  const w = shellWords();
  void undoLast((d) => w.undone(d.said), (e) => w.notUndone(e instanceof Refusal ? reasonOf(e) : String(e)));
}

/** Toast says what was done, for 8 s and as long as it is hovered or focused. */
export function Toast() {
  const w = shellWords();
  const deed = useStore(shown);
  const [held, hold] = useState(false);
  useEffect(() => {
    if (!deed || held) return;
    const t = setTimeout(() => shown.set(undefined), 8000);
    return () => clearTimeout(t);
  }, [deed, held]);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {deed && (
        <div class="toast" onMouseEnter={() => hold(true)} onMouseLeave={() => hold(false)} onFocusIn={() => hold(true)} onFocusOut={() => hold(false)}>
          <Icon name={deed.failed ? "finding" : "check"} tone={deed.failed ? "f" : "a"} />
          <span><Text v={deed.said} /></span>
          {deed.more && <button type="button" class="lnk" onClick={deed.more.run}>{deed.more.name}</button>}
          {deed.undo && <><button type="button" class="lnk" onClick={undo}>{w.undo}</button><Key>z</Key></>}
        </div>
      )}
    </div>
  );
}
