import type { DecisionDetail, KeptRequest } from "../api/types.ts";

/** One line of a request: a name before the value, if it is a header. */
export interface Line {
  kind: "first" | "header" | "blank" | "body";
  name: string;
  value: string;
}

const most = 400; // lines of a body

/** linesOf writes a kept request as it came over the wire. */
export function linesOf(k: KeptRequest): Line[] {
  const r = k.request;
  if (!r) return [];
  const out: Line[] = [{ kind: "first", name: r.method, value: `${r.uri} ${r.proto}` }];
  for (const [name, value] of r.headers) out.push({ kind: "header", name: name.toLowerCase(), value });
  if (r.body) {
    out.push({ kind: "blank", name: "", value: "" });
    const body = r.body_b64 ? fromBase64(r.body) : r.body;
    const lines = body.split("\n");
    for (const l of lines.slice(0, most)) out.push({ kind: "body", name: "", value: l });
    if (lines.length > most) out.push({ kind: "body", name: "", value: `… (${lines.length - most})` });
  }
  return out;
}

/** toldLines writes the request as far as its decision tells it, where no copy was kept. */
export function toldLines(d: DecisionDetail): Line[] {
  const r = d.request;
  if (!r?.url) return [];
  const out: Line[] = [{ kind: "first", name: d.decision.method, value: r.version ? `${r.url} HTTP/${r.version}` : r.url }];
  for (const [name, value] of [["host", r.host], ["user-agent", r.user_agent], ["referer", r.referrer]] as const) {
    if (value) out.push({ kind: "header", name, value });
  }
  return out;
}

function fromBase64(s: string): string {
  const raw = atob(s);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(raw, (c) => c.charCodeAt(0)));
  } catch {
    return raw; // one character a byte: what cannot be shown is outlined
  }
}
