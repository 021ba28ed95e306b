import type { Event } from "../../api/types.ts";
import { IconButton } from "../../parts/button.tsx";
import { Table } from "../../parts/table/table.tsx";
import { useStore } from "../../shell/store.ts";
import type { Grain } from "../../time/range.ts";
import { zoneName } from "../../time/zone.ts";
import { language } from "../../words/language.ts";
import { chosen, columnOf, move, toggle } from "./columns.tsx";
import { searchWords } from "./words.ts";

interface Props {
  events: Event[];
  words: string[];
  grain: Grain;
  selected: number;
  dim: boolean;
  all: number;
  onSelect: (i: number) => void;
  onEnd: () => void;
  onFilter: (name: string, value: string, not: boolean) => void;
}

/** EventTable shows events in columns that can be added, removed and moved. */
export function EventTable({ events, words, grain, selected, dim, all, onSelect, onEnd, onFilter }: Props) {
  const w = searchWords();
  const keys = useStore(chosen);
  const columns = keys.map((k) => columnOf(k, grain));
  const head = columns.map((c) => (
    <span class={`hc${c.right ? " num" : ""}`} role="columnheader" title={c.hint ?? c.title} draggable
      onDragStart={(e) => e.dataTransfer?.setData("text/plain", c.key)}
      onDragOver={(e) => e.preventDefault()}
      onDrop={(e) => { e.preventDefault(); move(e.dataTransfer?.getData("text/plain") ?? "", c.key); }}>
      <span class="el">{c.title}{c.key === "@time" ? " ↓" : ""}</span>
      {!c.key.startsWith("@") && <IconButton icon="x" small label={w.dropColumn(c.key)} onClick={() => toggle(c.key)} />}
    </span>
  ));
  return (
    <Table rows={events} height={27} id="events" label={w.table} selected={selected} dim={dim} all={all} head={head}
      columns={columns.map((c) => ({ width: c.width, right: c.right ?? false, cell: (e: Event) => c.cell(e, words) }))}
      stamp={`${keys.join()} ${words.join()} ${language()} ${zoneName()} ${grain}`} onSelect={onSelect} onEnd={onEnd}
      tools={(e, k) => {
        const f = columns[k]?.field?.(e);
        return f && (
          <>
            <IconButton icon="plus" small label={w.filterIn(`${f.name}: ${f.value.slice(0, 60)}`)} onClick={() => onFilter(f.name, f.value, false)} />
            <IconButton icon="minus" small label={w.filterOut(`${f.name}: ${f.value.slice(0, 60)}`)} onClick={() => onFilter(f.name, f.value, true)} />
          </>
        );
      }} />
  );
}
