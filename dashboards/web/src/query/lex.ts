/** A part of a query, as it is coloured. */
export interface Token {
  kind: "field" | "operator" | "value" | "text" | "space" | "pipe";
  text: string;
  at: number;
}

const operators = /^(?:and|or|not|by|asc|desc|as)$/i;
const pipes = /^(?:stats|where|sort|limit|keep|top|rare|dedup|bucket|count|sum|avg|min|max|percentile|count_distinct)$/i;

/** lex takes a query apart for colours; it does not say whether the query is right. */
export function lex(q: string): Token[] {
  const out: Token[] = [];
  const push = (kind: Token["kind"], text: string) => out.push({ kind, text, at: out.length ? end(out[out.length - 1]!) : 0 });
  let rest = q;
  let piped = false;
  while (rest !== "") {
    const space = /^\s+/.exec(rest);
    const quoted = /^"(?:\\.|[^"\\])*"?/.exec(rest);
    const mark = /^(?:<=|>=|[:<>()|,=])/.exec(rest);
    const word = /^(?:\\.|[^\s"():<>|,=\\])+/.exec(rest);
    const m = space ?? quoted ?? mark ?? word ?? [rest[0]!];
    const text = m[0]!;
    const after = rest.slice(text.length);
    if (space) push("space", text);
    else if (mark) {
      if (text === "|") piped = true;
      push(text === "|" ? "pipe" : "operator", text);
    } else if (word && operators.test(text)) push("operator", text);
    else if (word && piped && pipes.test(text)) push("pipe", text);
    else if (/^\s*(?::|<=|>=|<|>)/.test(after) && !afterColon(out)) push("field", text);
    else push(afterColon(out) ? "value" : piped ? "field" : "text", text);
    rest = after;
  }
  return out;
}

function end(t: Token): number {
  return t.at + t.text.length;
}

function afterColon(out: Token[]): boolean {
  for (let i = out.length - 1; i >= 0; i--) {
    const t = out[i]!;
    if (t.kind === "space") continue;
    return t.kind === "operator" && /^(?::|<=|>=|<|>)$/.test(t.text);
  }
  return false;
}

/** filterOf is what stands before the first pipe. */
export function filterOf(q: string): string {
  return split(q)[0]!.trim();
}

/** makesTable is whether a query gives a table and not events. */
export function makesTable(q: string): boolean {
  return split(q).slice(1).some((p) => /^\s*(?:stats|top|rare)\b/i.test(p));
}

/** split cuts a query at its pipes, not at those in quotes. */
export function split(q: string): string[] {
  const out = [""];
  for (const t of lex(q)) {
    if (t.kind === "pipe" && t.text === "|") out.push("");
    else out[out.length - 1] += t.text;
  }
  return out;
}

/** wordsOf is the free text and the values of a filter that can be marked in results. */
export function wordsOf(q: string): string[] {
  const out: string[] = [];
  let negated = false;
  for (const t of lex(filterOf(q))) {
    if (t.kind === "operator" && /^not$/i.test(t.text)) negated = true;
    else if (t.kind === "text" || t.kind === "value") {
      if (!negated) out.push(...unquote(t.text).split("*").filter((x) => x.length > 2));
      negated = false;
    }
  }
  return out;
}

export function unquote(s: string): string {
  return s.startsWith('"') ? s.slice(1, s.endsWith('"') && s.length > 1 ? -1 : undefined).replace(/\\(.)/g, "$1") : s;
}
