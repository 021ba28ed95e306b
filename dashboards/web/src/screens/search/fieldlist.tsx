import { useState } from "preact/hooks";
import { textOf } from "../../api/event.ts";
import type { Field, Fields, Value } from "../../api/types.ts";
import type { Answer } from "../../api/use.ts";
import { Bar } from "../../parts/bar.tsx";
import { IconButton } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Answered } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { visible } from "../../parts/hostile.ts";
import { useStore } from "../../shell/store.ts";
import { count, percent } from "../../words/format.ts";
import { chosen, toggle } from "./columns.tsx";
import { searchWords } from "./words.ts";

const first = ["waf.decision", "url.path", "rule.id", "client.ip", "source.ip", "url.domain", "event.dataset", "http.response.status_code", "user_agent.original"];
const dull = /^(@timestamp|event\.(id|ingested|original)|gatewatch\.original.*|message)$/;

/** orderFields puts what is asked for most first, and leaves out what has no use as a filter. */
export function orderFields(fields: Field[]): Field[] {
  const rank = (f: Field) => {
    const i = first.indexOf(f.name);
    return i < 0 ? first.length : i;
  };
  return fields.filter((f) => !dull.test(f.name)).map((f, i) => ({ f, i })).sort((a, b) => rank(a.f) - rank(b.f) || a.i - b.i).map((x) => x.f);
}

const opened = new Set(["waf.decision", "url.path", "rule.id"]);

/** FieldList shows fields with their top values and coverage. */
export function FieldList({ of, onFilter }: { of: Answer<Fields>; onFilter: (name: string, v: Value, not: boolean) => void }) {
  const w = searchWords();
  const [want, setWant] = useState("");
  return (
    <aside class="fs" aria-label={w.fields}>
      <div class="fq"><Icon name="search" /><input type="search" value={want} aria-label={w.findField} placeholder={w.findField} onInput={(e) => setWant(e.currentTarget.value)} /></div>
      <Answered of={of} rows={12} height={28}>
        {(d) => (
          <>
            <div class="fg t3">{w.fieldCount(count(d.total))}{d.sampled && ` · ${w.firstOf(count(d.events))}`}</div>
            <div class="scroll">
              {orderFields(d.fields).filter((f) => f.name.toLowerCase().includes(want.toLowerCase()))
                .map((f) => <FieldRow key={f.name} f={f} onFilter={onFilter} />)}
            </div>
          </>
        )}
      </Answered>
    </aside>
  );
}

function FieldRow({ f, onFilter }: { f: Field; onFilter: (name: string, v: Value, not: boolean) => void }) {
  const w = searchWords();
  const [open, setOpen] = useState(opened.has(f.name));
  const columns = useStore(chosen);
  const has = columns.includes(f.name);
  return (
    <div class={`fld${open ? " open" : ""}`}>
      <div class="fn">
        <button type="button" class="fnb" aria-expanded={open} title={f.name} onClick={() => {
          if (open) opened.delete(f.name);
          else opened.add(f.name);
          setOpen(!open);
        }}>
          <Icon name={open ? "chev" : "right"} small />
          <span class="mono el"><Text v={f.name} /></span>
        </button>
        {f.coverage < 0.995 && <span class="cv" title={w.coverage(percent(f.coverage))}>{percent(f.coverage)}</span>}
        <span class="t3">{f.distinct_exact ? "" : "~"}{count(f.distinct)}</span>
        <span class="hov"><IconButton icon={has ? "minus" : "plus"} small label={has ? w.dropColumn(f.name) : w.addColumn(f.name)} onClick={() => toggle(f.name)} /></span>
      </div>
      {open && f.top.slice(0, 5).map((v) => {
        const text = textOf(v.value);
        return (
          <div class="fv">
            <span class="mono el" title={visible(text)}><Text v={text.slice(0, 200)} /></span>
            <Bar share={v.count / f.events} tone={toneOf(f.name, text)} />
            <span class="num t3">{percent(v.count / f.events)}</span>
            {!v.cut && (
              <span class="hov">
                <IconButton icon="plus" small label={w.filterIn(`${f.name}: ${text.slice(0, 60)}`)} onClick={() => onFilter(f.name, v.value, false)} />
                <IconButton icon="minus" small label={w.filterOut(`${f.name}: ${text.slice(0, 60)}`)} onClick={() => onFilter(f.name, v.value, true)} />
              </span>
            )}
          </div>
        );
      })}
    </div>
  );
}

function toneOf(name: string, value: string): string {
  if (name !== "waf.decision" && name !== "waf.action") return "n";
  return value === "block" ? "b" : "a";
}
