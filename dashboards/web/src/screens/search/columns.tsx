import type { ComponentChildren } from "preact";
import { clientOf, list, num, str, textOf, wrongOf } from "../../api/event.ts";
import { preference } from "../../api/preferences.ts";
import type { Event } from "../../api/types.ts";
import { find } from "../../parts/find.ts";
import { DecisionCell } from "../../parts/pill.tsx";
import { Text } from "../../parts/text.tsx";
import { milli, probability } from "../../words/format.ts";
import { searchWords } from "./words.ts";

/** A column of the table: of the usual ones, or a field of one's own. */
export interface Column {
  key: string;
  title: string;
  hint?: string;
  width: string;
  right?: boolean;
  field?: (e: Event) => { name: string; value: string } | undefined; // for + and −
  cell: (e: Event, words: string[]) => ComponentChildren;
}

const usual = ["@time", "@action", "@source", "@request", "@rule", "@score", "@p", "@status"];

/** The keys of the columns that are shown. */
export const chosen = preference("columns", usual, (x) => (Array.isArray(x) && x.length > 0 && x.length <= 40 && x.every((k) => typeof k === "string") ? x : undefined));

export function setColumns(keys: string[]): void {
  chosen.set(keys.length > 0 ? keys : usual);
}

export function usualColumns(): void {
  setColumns(usual);
}

/** toggle adds a field as a column, or takes it away. */
export function toggle(key: string): void {
  const now = chosen.get();
  setColumns(now.includes(key) ? now.filter((k) => k !== key) : [...now, key]);
}

/** move puts a column before another one. */
export function move(key: string, before: string): void {
  if (key === before) return;
  const rest = chosen.get().filter((k) => k !== key);
  const at = rest.indexOf(before);
  setColumns(at < 0 ? rest : [...rest.slice(0, at), key, ...rest.slice(at)]);
}

/** shift moves a column by places to the right. */
export function shift(key: string, by: number): void {
  const all = chosen.get().filter((k) => k !== key);
  const at = Math.max(0, Math.min(all.length, chosen.get().indexOf(key) + by));
  setColumns([...all.slice(0, at), key, ...all.slice(at)]);
}

const fieldsOfUsual: Record<string, string[]> = {
  "@time": ["@timestamp"], "@action": ["waf.decision"], "@source": ["client.ip", "source.ip"],
  "@request": ["http.request.method", "url.domain", "url.path", "url.query"], "@rule": ["rule.id"], "@score": ["waf.anomaly_score"],
  "@p": ["verdict.p_attack"], "@status": ["http.response.status_code"],
};

/** fieldsOf are the fields that columns show, in their order. */
export function fieldsOf(keys: string[]): string[] {
  return [...new Set(keys.flatMap((k) => fieldsOfUsual[k] ?? [k]))];
}

const dash = <span class="t3">–</span>;

/** columnOf gives the column of a key. */
export function columnOf(key: string): Column {
  const w = searchWords();
  switch (key) {
    case "@time":
      return { key, title: w.time, width: "92px", cell: (e) => <span class="mono t2 tm">{milli(new Date(str(e, "@timestamp")))}</span> };
    case "@action":
      return {
        key, title: w.action, width: "80px", field: (e) => part(e, "waf.decision"),
        cell: (e) => (str(e, "waf.decision") ? <DecisionCell decision={str(e, "waf.decision")} p={num(e, "verdict.p_attack")} />
          : <span class="t3 el"><Text v={str(e, "event.dataset")} /></span>),
      };
    case "@source":
      return {
        key, title: w.source, width: "116px",
        field: (e) => part(e, str(e, "client.ip") ? "client.ip" : "source.ip"),
        cell: (e) => (clientOf(e) ? <span class="mono el"><Text v={clientOf(e)} /></span> : dash),
      };
    case "@request":
      return { key, title: w.request, width: "minmax(160px,1fr)", field: (e) => part(e, "url.path"), cell: request };
    case "@rule":
      return {
        key, title: w.rule, width: "54px", field: (e) => part(e, "rule.id"),
        cell: (e) => (str(e, "rule.id") ? <span class="mono t2 el"><Text v={str(e, "rule.id")} /></span> : dash),
      };
    case "@score":
      return { key, title: w.score, width: "40px", right: true, cell: (e) => ((num(e, "waf.anomaly_score") ?? 0) > 0 ? num(e, "waf.anomaly_score") : dash) };
    case "@p":
      return { key, title: w.p, hint: w.pTitle, width: "50px", right: true, cell: wrong };
    case "@status":
      return {
        key, title: w.status, width: "48px", right: true, field: (e) => part(e, "http.response.status_code"),
        cell: (e) => <span class="t2">{num(e, "http.response.status_code") ?? dash}</span>,
      };
  }
  return {
    key, title: key, width: "minmax(90px,.5fr)", field: (e) => part(e, key),
    cell: (e, words) => {
      const v = textOf(e[key]).slice(0, 600);
      return v ? <span class="mono el"><Text v={v} marks={find(v, words)} /></span> : dash;
    },
  };
}

function part(e: Event, name: string): { name: string; value: string } | undefined {
  const value = list(e, name)[0];
  return value ? { name, value } : undefined;
}

function request(e: Event, words: string[]): ComponentChildren {
  const path = str(e, "url.path") || str(e, "url.original");
  const query = str(e, "url.query");
  if (path === "") {
    const text = (str(e, "message") || str(e, "rule.name") || str(e, "event.original")).slice(0, 600);
    return <span class="mono el"><Text v={text} marks={find(text, words)} /></span>;
  }
  const whole = `${path}${query ? `?${query}` : ""}`.slice(0, 600);
  return (
    <span class="mono el">
      <span class="t3"><Text v={str(e, "http.request.method")} /></span> <Text v={whole} marks={find(whole, words)} />{" "}
      <span class="t3"><Text v={str(e, "url.domain")} /></span>
    </span>
  );
}

function wrong(e: Event): ComponentChildren {
  const p = wrongOf(e);
  if (p === undefined) return dash;
  const tone = p < 0.3 ? "t3" : str(e, "waf.decision") === "block" ? "cf" : "cm";
  return <span class={tone}>{probability(p)}</span>;
}
