import { useEffect, useRef, useState } from "preact/hooks";
import type { Refusal } from "../api/client.ts";
import type { Field } from "../api/types.ts";
import { Key } from "../parts/button.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Text } from "../parts/text.tsx";
import { useKeys } from "../shell/keys.ts";
import { dictionary } from "../words/dictionary.ts";
import { percent } from "../words/format.ts";
import { choices, spotAt, type Choice } from "./complete.ts";
import { queries, remember } from "./history.ts";
import { lex } from "./lex.ts";

const words = dictionary("query", {
  label: "Query",
  hint: "Filter, such as waf.decision: block and url.path: /api/*",
  column: (n: number, why: string) => `Column ${n}: ${why}`,
  cancel: "Cancel",
  focus: "Write a query",
  recent: "Recent",
  suggestions: "Suggestions",
}, {
  label: "查询",
  hint: "过滤条件，例如 waf.decision: block and url.path: /api/*",
  column: (n, why) => `第 ${n} 列：${why}`,
  cancel: "取消",
  focus: "写查询",
  recent: "最近用过",
  suggestions: "补全",
});

/** The role of the field, which the types of textarea do not know. */
const combo = { role: "combobox" } as object;

interface Props {
  value: string;
  fields: Field[];
  error?: Refusal | undefined;
  busy?: boolean;
  icon?: IconName;
  onAsk: (q: string) => void;
  onCancel?: () => void;
}

/** QueryBar writes a query: coloured, with completion, history, and errors under the column. */
export function QueryBar({ value, fields, error, busy, icon = "search", onAsk, onCancel }: Props) {
  const w = words();
  const [text, setText] = useState(value);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const [cursor, setCursor] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const paint = useRef<HTMLDivElement>(null);
  useEffect(() => setText(value), [value]);
  useKeys(() => w.label, [{ code: "Slash", what: () => w.focus, run: () => { area.current?.focus(); area.current?.select(); } }]);

  const spot = spotAt(text, cursor);
  const past = text.trim() === "" ? queries().slice(0, 8) : [];
  const list: Choice[] = open && past.length === 0 ? choices(spot, fields, text) : [];
  const shown = open && (list.length > 0 || past.length > 0);
  const size = past.length || list.length;

  const ask = (q: string) => {
    remember(q);
    setOpen(false);
    onAsk(q.trim());
  };
  const take = (i: number) => {
    if (past.length > 0) {
      setText(past[i]!);
      return ask(past[i]!);
    }
    const c = list[i]!;
    const next = text.slice(0, spot.from) + c.text + text.slice(cursor).replace(/^[\w.@-]*/, "");
    const caret = spot.from + c.text.length;
    setText(next);
    setAt(-1);
    setOpen(c.kind === "field");
    setCursor(caret);
    requestAnimationFrame(() => area.current?.setSelectionRange(caret, caret));
  };
  const press = (e: KeyboardEvent) => {
    if (e.isComposing) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (move && shown) {
      e.preventDefault();
      setAt((at + move + size + 1) % (size + 1) === size ? -1 : (at + move + size + 1) % (size + 1));
    } else if (e.key === "Tab" && shown && list.length > 0 && spot.word !== "") {
      e.preventDefault();
      take(Math.max(0, at));
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (shown && at >= 0) take(at);
      else ask(text);
    } else if (e.key === "Escape") {
      e.preventDefault();
      if (shown) setOpen(false);
      else area.current?.blur();
    }
  };
  const look = () => setCursor(area.current?.selectionStart ?? 0);
  const rows = Math.min(3, Math.max(1, Math.ceil(text.length / 110), text.split("\n").length));
  return (
    <div class="qbw">
      <div class={`qb${error ? " bad" : ""}`}>
        <Icon name={icon} />
        <div class={`qe r${rows}`}>
          <div class="qp mono" ref={paint} aria-hidden="true">{lex(text).map((t) => <span class={`k-${t.kind}`}><Text v={t.text} /></span>)}{"\n"}</div>
          <textarea ref={area} class="mono" rows={rows} value={text} placeholder={w.hint} spellcheck={false} autocomplete="off" autocapitalize="off"
            {...combo} aria-label={w.label} aria-expanded={shown} aria-controls="q-list" aria-autocomplete="list"
            aria-activedescendant={shown && at >= 0 ? `q-${at}` : undefined} aria-invalid={error !== undefined}
            onInput={(e) => { setText(e.currentTarget.value); look(); setOpen(true); setAt(-1); }}
            onKeyDown={press} onKeyUp={look} onClick={() => { look(); setOpen(true); }} onFocus={() => { look(); setAt(-1); }} onBlur={() => setOpen(false)}
            onScroll={(e) => { paint.current!.scrollTop = e.currentTarget.scrollTop; }} />
        </div>
        {busy && onCancel && <button type="button" class="lnk" onClick={onCancel}>{w.cancel}</button>}
        <Key>{text === value ? "/" : "↵"}</Key>
        {busy && <i class="run" />}
      </div>
      {error && !shown && (
        <div class="qerr" role="alert">
          {error.column > 0 && <span class="mono" aria-hidden="true">{" ".repeat(Math.min(error.column - 1, 120))}^ </span>}
          <span>{error.column > 0 ? w.column(error.column, "") : ""}<span lang="en"><Text v={error.message.replace(/^query: (?:column \d+: )?/, "")} /></span></span>
        </div>
      )}
      {shown && (
        <ul class="qlist" id="q-list" role="listbox" aria-label={past.length > 0 ? w.recent : w.suggestions}>
          {past.map((p, i) => (
            <li id={`q-${i}`} role="option" aria-selected={i === at} class={i === at ? "on" : ""} onMouseDown={(e) => { e.preventDefault(); take(i); }}>
              <Icon name="clock" small /><span class="mono el"><Text v={p} /></span>
            </li>
          ))}
          {list.map((c, i) => (
            <li id={`q-${i}`} role="option" aria-selected={i === at} class={i === at ? "on" : ""} onMouseDown={(e) => { e.preventDefault(); take(i); }}>
              <span class={`mono el k-${c.kind}`}><Text v={c.text.trim()} /></span>
              <span class="t3">{c.note}</span>
              {c.coverage !== undefined && c.coverage < 0.995 && <span class="cf">{percent(c.coverage)}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
