import { post, send } from "../../api/client.ts";
import { textOf } from "../../api/event.ts";
import type { Table, Value } from "../../api/types.ts";

/** The events that an export has at most, the newest. */
export const most = 100_000;

export interface Asked {
  query: string;
  from: string;
  to: string;
}

export type Kind = "csv" | "ndjson";

/** A file that is ready, and how many events or rows it has. */
export interface File {
  content: Blob;
  n: number;
}

/** exported asks the server for a file of events; CSV has the fields, NDJSON all. */
export async function exported(q: Asked, kind: Kind, fields: string[], progress: (n: number) => void): Promise<File> {
  const answer = await send("POST", "/api/v1/export", {
    ...q, limit: most, format: kind === "csv" ? "EXPORT_FORMAT_CSV" : "EXPORT_FORMAT_NDJSON", ...(kind === "csv" ? { fields } : {}),
  });
  const lines = new Lines();
  const parts: BlobPart[] = kind === "csv" ? ["\ufeff"] : []; // so that spreadsheets read UTF-8
  const reader = answer.body!.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    lines.add(value);
    progress(lines.n);
  }
  return { content: new Blob(parts, { type: typeOf(kind) }), n: Math.max(0, lines.n - (kind === "csv" ? 1 : 0)) };
}

/** exportedTable makes a file of what a query with stats, top or rare gives. */
export async function exportedTable(q: Asked, kind: Kind): Promise<File> {
  const t = await post<Table>("/api/v1/aggregate", q);
  const text = kind === "csv" ? csv(t) : t.rows.map((r) => `${JSON.stringify(Object.fromEntries(t.columns.map((c, i) => [c, r[i]])))}\n`).join("");
  return { content: new Blob([text], { type: typeOf(kind) }), n: t.rows.length };
}

function typeOf(kind: Kind): string {
  return kind === "csv" ? "text/csv;charset=utf-8" : "application/x-ndjson";
}

/** Lines counts line ends that are not in quotes: those that end a row of CSV, or an event of NDJSON. */
export class Lines {
  n = 0;
  #quoted = false;

  add(bytes: Uint8Array): void {
    for (const b of bytes) {
      if (b === 0x22) this.#quoted = !this.#quoted;
      else if (b === 0x0a && !this.#quoted) this.n++;
    }
  }
}

/** csvCell guards against formulas: what a spreadsheet would calculate begins with an apostrophe. */
export function csvCell(text: string): string {
  const safe = /^[\s]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** csv is a table with its columns as the head. */
export function csv(t: { columns: string[]; rows: Value[][] }): string {
  const lines = [t.columns, ...t.rows].map((r) => r.map((v) => csvCell(textOf(v))).join(","));
  return `\ufeff${lines.join("\r\n")}\r\n`;
}

/** download hands a file to the browser. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
