import { Button, IconButton } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { Text } from "../../parts/text.tsx";
import { whyOf } from "../../proposals/acts.ts";
import { useStore } from "../../shell/store.ts";
import { tell } from "../../shell/undo.ts";
import { count } from "../../words/format.ts";
import { chosen, columnOf, fieldsOf, shift, toggle, usualColumns } from "./columns.tsx";
import { download, exported, exportedTable, most, type Asked, type Kind } from "./export.ts";
import type { Live } from "./live.ts";
import { SaveMenu } from "./savemenu.tsx";
import { searchWords } from "./words.ts";

interface Props {
  listed: boolean;
  setListed: (on: boolean) => void;
  q: string;
  part: { from: string; to: string };
  live: boolean;
  setLive: (on: boolean) => void;
  tail: Live;
  table: boolean;
}

/** Toolbar saves, exports, follows, and chooses columns. */
export function Toolbar({ listed, setListed, q, part, live, setLive, tail, table }: Props) {
  const w = searchWords();
  const columns = useStore(chosen);
  return (
    <div class="tbar">
      <button type="button" class="btn folded" aria-pressed={listed} onClick={() => setListed(!listed)}>{w.fields}</button>
      <Menu label={w.save} side="left" wide={320} face={<><Icon name="save" /><span>{w.save}</span></>}>{(close) => <SaveMenu q={q} close={close} />}</Menu>
      <Menu label={w.export} side="left" face={<><Icon name="export" /><span>{w.export}</span></>}>
        {(close) => (
          <>
            <button type="button" class="pick" onClick={() => { close(); void run({ query: q, ...part }, table, "csv"); }}>{w.csv}</button>
            <button type="button" class="pick" onClick={() => { close(); void run({ query: q, ...part }, table, "ndjson"); }}>{w.ndjson}</button>
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
              {columns.map((k, i) => (
                <div class="colp" key={k}><span class="el"><Text v={columnOf(k).title} /></span>
                  <span class="sp" />
                  <IconButton icon="left" small label={w.columnLeft(columnOf(k).title)} onClick={() => shift(k, -1)} disabled={i === 0} />
                  <IconButton icon="right" small label={w.columnRight(columnOf(k).title)} onClick={() => shift(k, 1)} disabled={i === columns.length - 1} />
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

async function run(q: Asked, table: boolean, kind: Kind): Promise<void> {
  const w = searchWords();
  try {
    const f = table ? await exportedTable(q, kind) : await exported(q, kind, fieldsOf(chosen.get()), (n) => tell({ said: w.exporting(count(n)) }));
    download(`gatewatch-${q.from.slice(0, 19).replace(/:/g, "")}.${kind}`, f.content);
    tell({ said: table ? w.exportedRows(count(f.n)) : f.n >= most ? w.exportedCut(count(f.n)) : w.exported(count(f.n)) });
  } catch (e) {
    tell({ said: w.notExported(whyOf(e)), failed: true });
  }
}
