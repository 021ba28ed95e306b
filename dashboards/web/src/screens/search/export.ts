import { post } from "../../api/client.ts";
import { textOf } from "../../api/event.ts";
import type { Event, Events } from "../../api/types.ts";

/** csvCell guards against formulas: what a spreadsheet would calculate begins with an apostrophe. */
export function csvCell(text: string): string {
  const safe = /^[\s]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** csv is a table of all fields that the events have, the time first. */
export function csv(events: Event[]): string {
  const names = new Set<string>(["@timestamp"]);
  for (const e of events) for (const k of Object.keys(e)) names.add(k);
  const head = [...names];
  const lines = [head.map((k) => csvCell(k === "@timestamp" ? "timestamp" : k)).join(","), ...events.map((e) => head.map((k) => csvCell(textOf(e[k]))).join(","))];
  return `\ufeff${lines.join("\r\n")}\r\n`;
}

const most = 100_000;

/** readAll reads what matches, up to 100,000 events. */
export async function readAll(q: { query: string; from: string; to: string }, progress: (n: number) => void): Promise<{ events: Event[]; more: boolean }> {
  const events: Event[] = [];
  let token = "";
  do {
    const p: Events = await post<Events>("/api/v1/search", { ...q, page_size: 10_000, page_token: token });
    events.push(...p.events);
    token = p.next_page_token;
    progress(events.length);
  } while (token !== "" && events.length < most);
  return { events: events.slice(0, most), more: token !== "" };
}

/** download hands a file to the browser. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
