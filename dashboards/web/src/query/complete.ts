import type { Field } from "../api/types.ts";
import { textOf } from "../api/event.ts";
import { quote } from "./edit.ts";

/** One thing that can be written at the cursor. */
export interface Choice {
  text: string; // what takes the place of the word at the cursor
  kind: "field" | "value" | "operator" | "pipe";
  note: string; // type, count
  coverage?: number;
}

/** What stands at the cursor: where the word begins, and the field whose value it is. */
export interface Spot {
  from: number;
  word: string;
  field: string; // "" if a field is to be written
  piped: boolean;
}

/** spotAt looks at what is before the cursor. */
export function spotAt(q: string, cursor: number): Spot {
  const before = q.slice(0, cursor);
  const value = /([\w.@-]+)\s*:\s*("[^"]*|[^\s"()|]*)$/.exec(before);
  const piped = /\|[^|]*$/.test(before.replace(/"[^"]*"?/g, ""));
  if (value) return { from: cursor - value[2]!.length, word: value[2]!.replace(/^"/, ""), field: value[1]!, piped };
  const word = /[\w.@-]*$/.exec(before)![0];
  return { from: cursor - word.length, word, field: "", piped };
}

const pipeWords = ["stats n = count() by ", "where ", "sort ", "limit ", "keep ", "top 10 ", "rare 10 ", "dedup "];

/** choices gives what fits the spot, best first, at most 12. */
export function choices(s: Spot, fields: Field[], q: string): Choice[] {
  const low = s.word.toLowerCase();
  if (s.field !== "") {
    const f = fields.find((x) => x.name === s.field);
    return (f?.top ?? [])
      .filter((v) => textOf(v.value).toLowerCase().includes(low))
      .slice(0, 12)
      .map((v) => ({ text: `${quote(textOf(v.value))} `, kind: "value", note: String(v.count) }));
  }
  const out: Choice[] = [];
  const justPiped = s.piped && /\|\s*$/.test(q.slice(0, s.from));
  if (justPiped) {
    out.push(...pipeWords.filter((p) => p.startsWith(low)).map((p): Choice => ({ text: p, kind: "pipe", note: "" })));
  } else {
    const begin = fields.filter((f) => f.name.toLowerCase().startsWith(low));
    const inside = low === "" ? [] : fields.filter((f) => !begin.includes(f) && f.name.toLowerCase().includes(low));
    out.push(...[...begin, ...inside].map((f): Choice => ({
      text: s.piped ? f.name : `${f.name}: `, kind: "field", note: f.types.join(" "), coverage: f.coverage,
    })));
    if (!s.piped && low !== "") {
      out.push(...["and ", "or ", "not "].filter((o) => o.startsWith(low)).map((o): Choice => ({ text: o, kind: "operator", note: "" })));
    }
  }
  return out.slice(0, 12);
}
