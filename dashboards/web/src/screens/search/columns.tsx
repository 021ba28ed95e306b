import { clientOf, list, num, str, textOf, wrongOf } from "../../api/event.ts";
import { preference } from "../../api/preferences.ts";
import type { Event } from "../../api/types.ts";
import { find } from "../../parts/find.ts";
import { decisionCell } from "../../parts/pill.tsx";
import type { Cell } from "../../parts/table/cell.tsx";
import type { Grain } from "../../time/range.ts";
import { dayMilli, fullMoment, milli, probability } from "../../words/format.ts";
import { searchWords } from "./words.ts";

/** A column of the table: of the usual ones, or a field of one's own. */
export interface Column {
  key: string;
  title: string;
  hint?: string;
  width: string;
  right?: boolean;
  field?: (e: Event) => { name: string; value: string } | undefined; // for + and −
  cell: (e: Event, words: string[]) => Cell;
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

/** one is a cell of one text, a dash if that is empty. */
function one(text: string, look: string): Cell {
  return text === "" ? { look: "t3", runs: [{ text: "–" }] } : { look, runs: [{ text }] };
}

/** How a time stands in its column, and how wide that is. */
const times: Record<Grain, { show: (t: Date) => string; width: string }> = {
  time: { show: milli, width: "92px" }, day: { show: dayMilli, width: "134px" }, year: { show: fullMoment, width: "170px" },
};

/** columnOf gives the column of a key; grain is how much of a time it shows. */
export function columnOf(key: string, grain: Grain = "time"): Column {
  const w = searchWords();
  switch (key) {
    case "@time":
      return { key, title: w.time, width: times[grain].width, cell: (e) => one(times[grain].show(new Date(str(e, "@timestamp"))), "mono t2") };
    case "@action":
      return {
        key, title: w.action, width: "80px", field: (e) => part(e, "waf.decision"),
        cell: (e) => (str(e, "waf.decision") ? decisionCell(str(e, "waf.decision"), num(e, "verdict.p_attack")) : one(str(e, "event.dataset"), "t3")),
      };
    case "@source":
      return {
        key, title: w.source, width: "116px", cell: (e) => one(clientOf(e), "mono"),
        field: (e) => part(e, str(e, "client.ip") ? "client.ip" : "source.ip"),
      };
    case "@request":
      return { key, title: w.request, width: "minmax(160px,1fr)", field: (e) => part(e, "url.path"), cell: request };
    case "@rule":
      return { key, title: w.rule, width: "54px", field: (e) => part(e, "rule.id"), cell: (e) => one(str(e, "rule.id"), "mono t2") };
    case "@score":
      return {
        key, title: w.score, width: "40px", right: true,
        cell: (e) => ((num(e, "waf.anomaly_score") ?? 0) > 0 ? one(str(e, "waf.anomaly_score"), "") : one("", "")),
      };
    case "@p":
      return { key, title: w.p, hint: w.pTitle, width: "50px", right: true, cell: wrong };
    case "@status":
      return {
        key, title: w.status, width: "48px", right: true, field: (e) => part(e, "http.response.status_code"),
        cell: (e) => one(str(e, "http.response.status_code"), "t2"),
      };
  }
  return {
    key, title: key, width: "minmax(90px,.5fr)", field: (e) => part(e, key),
    cell: (e, words) => {
      const text = textOf(e[key]).slice(0, 600);
      return text === "" ? one("", "") : { look: "mono", runs: [{ text, marks: find(text, words) }] };
    },
  };
}

function part(e: Event, name: string): { name: string; value: string } | undefined {
  const value = list(e, name)[0];
  return value ? { name, value } : undefined;
}

function request(e: Event, words: string[]): Cell {
  const path = str(e, "url.path") || str(e, "url.original");
  const query = str(e, "url.query");
  if (path === "") {
    const text = (str(e, "message") || str(e, "rule.name") || str(e, "event.original")).slice(0, 600);
    return { look: "mono", runs: [{ text, marks: find(text, words) }] };
  }
  const text = `${path}${query ? `?${query}` : ""}`.slice(0, 600);
  const [method, host] = [str(e, "http.request.method"), str(e, "url.domain")];
  return {
    look: "mono",
    runs: [{ text: method && `${method} `, look: "t3" }, { text, marks: find(text, words) }, { text: host && ` ${host}`, look: "t3" }],
  };
}

function wrong(e: Event): Cell {
  const p = wrongOf(e);
  if (p === undefined) return one("", "");
  const tone = p < 0.3 ? "t3" : str(e, "waf.decision") === "block" ? "cf" : "cm";
  return one(probability(p), tone);
}
