import { useState } from "preact/hooks";
import { mayRoll } from "../../api/session.ts";
import { useAnswer } from "../../api/use.ts";
import { IconButton } from "../../parts/button.tsx";
import { Answered } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { visible } from "../../parts/hostile.ts";
import { whyOf } from "../../proposals/acts.ts";
import { timesToKeep } from "../../shell/range.ts";
import { go, link } from "../../shell/router.ts";
import { tell } from "../../shell/undo.ts";
import { chosen, setColumns } from "./columns.tsx";
import { ownerName, save, savedSearches, unsave, type Saved } from "./saved.ts";
import { searchWords } from "./words.ts";

/** SaveMenu keeps the search of now under a name, and opens those that are kept. */
export function SaveMenu({ q, close }: { q: string; close: () => void }) {
  const w = searchWords();
  const [turn, setTurn] = useState(0);
  const of = useAnswer(`searches ${turn}`, savedSearches);
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const all = of.data ?? [];
  const act = async (said: string, f: () => Promise<() => Promise<void>>) => {
    try {
      const undo = await f();
      tell({ said, undo });
      setTurn((n) => n + 1);
      return true;
    } catch (e) {
      tell({ said: w.notSaved(whyOf(e)), failed: true });
      return false;
    }
  };
  const keep = async (e: Event) => {
    e.preventDefault();
    const s: Saved = { name: name.trim(), query: q, ...timesToKeep(), columns: chosen.get(), shared };
    if (s.name !== "" && (await act(w.savedAs(s.name), () => save(s, all)))) close();
  };
  const open = (s: Saved) => {
    if (s.columns.length > 0) setColumns(s.columns);
    go(link("/search", { q: s.query, from: s.from, to: s.to }));
    close();
  };
  const group = (title: string, these: Saved[]) => these.length > 0 && (
    <>
      <h3>{title}</h3>
      {these.map((s) => (
        <div class="colp" key={s.id}>
          <button type="button" class="pick" title={visible(`${s.query} ${s.from} – ${s.to}`)} onClick={() => open(s)}>
            <span class="el"><Text v={s.name} /></span>
            {s.mine ? s.shared && <span class="t3">{w.sharedWord}</span> : <span class="t3 el"><Text v={ownerName(s)} /></span>}
          </button>
          {(s.mine || mayRoll()) && <IconButton icon="x" small label={`${w.remove} ${visible(s.name)}`} onClick={() => void act(w.removed(s.name), () => unsave(s))} />}
        </div>
      ))}
    </>
  );
  return (
    <>
      <form class="savef" onSubmit={(e) => void keep(e)}>
        <input class="in" aria-label={w.saveAs} placeholder={w.saveAs} value={name} maxLength={64} onInput={(e) => setName(e.currentTarget.value)} />
        <button type="submit" class="btn pri" disabled={name.trim() === ""}>{w.save}</button>
      </form>
      <label class="chk"><input type="checkbox" checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} /> {w.share}</label>
      <Answered of={of} rows={3}>
        {() => (all.length === 0 ? <p class="t3 note12">{w.noSaved}</p> : <div class="saved">{group(w.mine, all.filter((s) => s.mine))}{group(w.others, all.filter((s) => !s.mine))}</div>)}
      </Answered>
    </>
  );
}
