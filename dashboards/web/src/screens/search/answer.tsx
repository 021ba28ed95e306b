import { useState } from "preact/hooks";
import { post } from "../../api/client.ts";
import { textOf } from "../../api/event.ts";
import type { Table as Counts, Value } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Answered, Empty, Partial } from "../../parts/states.tsx";
import type { Cell } from "../../parts/table/cell.tsx";
import { Table } from "../../parts/table/table.tsx";
import { Text } from "../../parts/text.tsx";
import { count } from "../../words/format.ts";
import { language } from "../../words/language.ts";
import { searchWords } from "./words.ts";

/** Answer shows the table that a query with stats, top or rare gives. */
export function Answer({ q, from, to, tick }: { q: string; from: string; to: string; tick: number }) {
  const w = searchWords();
  const [at, select] = useState(-1);
  const of = useAnswer(`${q} ${from} ${to} ${tick}`, (s) => post<Counts>("/api/v1/aggregate", { query: q, from, to }, s));
  return (
    <Answered of={of} rows={20}>
      {(t) => (
        <>
          <div class="tnote t3">{w.rows(count(t.rows.length))} <Partial warnings={t.stats.warnings} /></div>
          {t.rows.length === 0 ? <Empty>{w.none}</Empty> : (
            <Table rows={t.rows} height={27} id="table" label={w.table} selected={at} onSelect={select} dim={of.busy} stamp={`${t.columns.join()} ${language()}`}
              columns={t.columns.map((_, i) => ({ width: `minmax(80px,${number(t, i) ? ".4fr" : "1fr"})`, right: number(t, i), cell: (r: Value[]) => cell(r[i] ?? null) }))}
              head={t.columns.map((c, i) => <span class={`hc${number(t, i) ? " num" : ""}`} role="columnheader"><span class="mono el"><Text v={c} /></span></span>)} />
          )}
        </>
      )}
    </Answered>
  );
}

function cell(v: Value): Cell {
  if (v === null) return { look: "t3", runs: [{ text: "–" }] };
  return { look: "mono", runs: [{ text: typeof v === "number" && Number.isInteger(v) ? count(v) : textOf(v).slice(0, 500) }] };
}

function number(t: Counts, i: number): boolean {
  return typeof t.rows.find((r) => r[i] !== null)?.[i] === "number";
}
