import { useState } from "preact/hooks";
import { Button, IconButton } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { Text } from "../../parts/text.tsx";
import { useStore } from "../../shell/store.ts";
import { tell } from "../../shell/undo.ts";
import { count } from "../../words/format.ts";
import { chosen, columnOf, toggle, usualColumns } from "./columns.tsx";
import { csv, download, readAll } from "./export.ts";
import type { Live } from "./live.ts";
import { save, saved, unsave } from "./saved.ts";
import { setQuery } from "./state.ts";
import { searchWords } from "./words.ts";

interface Props {
  q: string;
  part: { from: string; to: string };
  live: boolean;
  setLive: (on: boolean) => void;
  tail: Live;
  table: boolean;
}

/** Toolbar saves, exports, follows, and chooses columns. */
export function Toolbar({ q, part, live, setLive, tail, table }: Props) {
  const w = searchWords();
  const columns = useStore(chosen);
  return (
    <div class="tbar">
      <Menu label={w.save} side="left" wide={320} face={<><Icon name="save" /><span>{w.save}</span></>}>{(close) => <SaveMenu q={q} close={close} />}</Menu>
      <Menu label={w.export} side="left" face={<><Icon name="export" /><span>{w.export}</span></>}>
        {(close) => (
          <>
            <button type="button" class="pick" onClick={() => { close(); void run(q, part, "csv"); }}>{w.csv}</button>
            <button type="button" class="pick" onClick={() => { close(); void run(q, part, "ndjson"); }}>{w.ndjson}</button>
          </>
        )}
      </Menu>
      {!table && <Button icon={live ? "pause" : "play"} pressed={live} onClick={() => setLive(!live)}>{live ? w.stop : w.live}</Button>}
      {live && (tail.waiting > 0 ? <button type="button" class="lnk" onClick={tail.show}>{w.fresh(count(tail.waiting))}</button> : <span class="t3">{w.liveNow}</span>)}
      {tail.missed > 0 && <span class="cf">{w.missed(count(tail.missed))}</span>}
      <span class="sp" />
      {!table && (
        <Menu label={w.columnsOf} wide={260} face={<><span class="t2">{w.columns(columns.length)}</span><Icon name="chev" small /></>}>
          {() => (
            <>
              {columns.map((k) => (
                <div class="colp"><span class="el"><Text v={columnOf(k).title} /></span>
                  <IconButton icon="x" small label={w.dropColumn(columnOf(k).title)} onClick={() => toggle(k)} disabled={columns.length === 1} /></div>
              ))}
              <p class="t3 note12">{w.wider}</p>
              <Button onClick={usualColumns}>{w.usualColumns}</Button>
            </>
          )}
        </Menu>
      )}
    </div>
  );
}

function SaveMenu({ q, close }: { q: string; close: () => void }) {
  const w = searchWords();
  const all = useStore(saved);
  const [name, setName] = useState("");
  return (
    <>
      <form class="savef" onSubmit={(e) => {
        e.preventDefault();
        if (name.trim() === "") return;
        save({ name: name.trim(), q });
        tell({ said: w.savedAs(name.trim()), undo: async () => unsave(name.trim()) });
        close();
      }}>
        <input class="in" aria-label={w.saveAs} placeholder={w.saveAs} value={name} onInput={(e) => setName(e.currentTarget.value)} />
        <button type="submit" class="btn pri">{w.save}</button>
      </form>
      <h3>{w.saved}</h3>
      {all.length === 0 && <p class="t3 note12">{w.noSaved}</p>}
      {all.map((s) => (
        <div class="colp">
          <button type="button" class="pick" title={s.q} onClick={() => { setQuery(s.q); close(); }}>
            <span class="el"><Text v={s.name} /></span>
          </button>
          <IconButton icon="x" small label={`${w.remove} ${s.name}`} onClick={() => unsave(s.name)} />
        </div>
      ))}
    </>
  );
}

async function run(q: string, part: { from: string; to: string }, kind: "csv" | "ndjson"): Promise<void> {
  const w = searchWords();
  try {
    const { events, more } = await readAll({ query: q, ...part }, (n) => tell({ said: w.exporting(count(n)) }));
    const name = `gatewatch-${part.from.slice(0, 19).replace(/:/g, "")}.${kind}`;
    if (kind === "csv") download(name, "text/csv;charset=utf-8", csv(events));
    else download(name, "application/x-ndjson", events.map((e) => `${JSON.stringify(e)}\n`).join(""));
    tell({ said: more ? w.exportedCut(count(events.length)) : w.exported(count(events.length)) });
  } catch (e) {
    tell({ said: e instanceof Error ? e.message : String(e), failed: true });
  }
}
