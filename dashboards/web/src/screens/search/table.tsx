import { useState } from "preact/hooks";
import type { Event } from "../../api/types.ts";
import { IconButton } from "../../parts/button.tsx";
import { Rows } from "../../parts/rows.tsx";
import { useStore } from "../../shell/store.ts";
import { language } from "../../words/language.ts";
import { chosen, columnOf, move, toggle } from "./columns.tsx";
import { searchWords } from "./words.ts";

interface Props {
  events: Event[];
  words: string[];
  selected: number;
  dim: boolean;
  all: number;
  onSelect: (i: number) => void;
  onEnd: () => void;
  onFilter: (name: string, value: string, not: boolean) => void;
}

/** EventTable shows events in columns that can be added, removed and moved. */
export function EventTable({ events, words, selected, dim, all, onSelect, onEnd, onFilter }: Props) {
  const w = searchWords();
  const keys = useStore(chosen);
  const columns = keys.map(columnOf);
  const [over, setOver] = useState(-1); // the row under the pointer: only it and the selected one have buttons
  const head = columns.map((c) => (
    <span class={`hc${c.right ? " num" : ""}`} role="columnheader" title={c.hint ?? c.title} draggable
      onDragStart={(e) => e.dataTransfer?.setData("text/plain", c.key)}
      onDragOver={(e) => e.preventDefault()}
      onDrop={(e) => { e.preventDefault(); move(e.dataTransfer?.getData("text/plain") ?? "", c.key); }}>
      <span class="el">{c.title}{c.key === "@time" ? " ↓" : ""}</span>
      {!c.key.startsWith("@") && <IconButton icon="x" small label={w.dropColumn(c.key)} onClick={() => toggle(c.key)} />}
    </span>
  ));
  const hover = (e: MouseEvent) => {
    const row = (e.target as Element).closest<HTMLElement>("[data-row]");
    setOver(row ? Number(row.dataset["row"]) : -1);
  };
  return (
    <div class="hovers" onMouseOver={hover} onMouseLeave={() => setOver(-1)}>
    <Rows rows={events} height={27} id="events" label={w.table} selected={selected} dim={dim} all={all}
      columns={columns.map((c) => c.width).join(" ")} head={head} stamp={`${keys.join()} ${words.join()} ${language()}`}
      onSelect={onSelect} onEnd={onEnd} rowClass={(_, i) => (i === over ? "hv" : "")}
      row={(e, i) => columns.map((c) => {
        const f = c.field?.(e);
        return (
          <span class={`cell${c.right ? " num" : ""}`} role="gridcell">
            {c.cell(e, words)}
            {f && (i === over || i === selected) && (
              <span class="hov">
                <IconButton icon="plus" small label={w.filterIn(`${f.name}: ${f.value.slice(0, 60)}`)} onClick={() => onFilter(f.name, f.value, false)} />
                <IconButton icon="minus" small label={w.filterOut(`${f.name}: ${f.value.slice(0, 60)}`)} onClick={() => onFilter(f.name, f.value, true)} />
              </span>
            )}
          </span>
        );
      })} />
    </div>
  );
}
