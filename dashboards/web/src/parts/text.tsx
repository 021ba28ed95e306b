import type { ComponentChildren } from "preact";
import { codeName, plain, reveal } from "./hostile.ts";

/** A part of a text that is marked, in UTF-16 units. */
export interface Span {
  from: number;
  to: number;
}

/** Text draws text of others: as text nodes, what would hide or act as code points. */
export function Text({ v, marks }: { v: string; marks?: Span[] | undefined }) {
  if (!marks || marks.length === 0) return <bdi>{runs(v)}</bdi>;
  const out: ComponentChildren[] = [];
  let at = 0;
  for (const m of marks) {
    if (m.from < at) continue;
    if (m.from > at) out.push(runs(v.slice(at, m.from)));
    out.push(<mark>{runs(v.slice(m.from, m.to))}</mark>);
    at = m.to;
  }
  if (at < v.length) out.push(runs(v.slice(at)));
  return <bdi>{out}</bdi>;
}

function runs(v: string): ComponentChildren {
  if (plain(v)) return v;
  return reveal(v).map((p) => ("text" in p ? p.text : <span class="ctl">{codeName(p.code)}</span>));
}
