import type { Value } from "../api/types.ts";
import { split } from "./lex.ts";

/** quote writes a value so that the query means just it. */
export function quote(v: string): string {
  return /^[\p{L}\p{N}_.\-@:]+$/u.test(v) && !/^(?:and|or|not)$/i.test(v) && !/^now/.test(v) && !v.includes(":")
    ? v : `"${v.replace(/[\\"]/g, "\\$&")}"`;
}

function field(name: string): string {
  return /^[\p{L}\p{N}._\-@]+$/u.test(name) ? name : `"${name.replace(/[\\"]/g, "\\$&")}"`;
}

/** term is the condition that a field has a value; null means that it has none. */
export function term(name: string, v: Value): string {
  if (v === null) return `not ${field(name)}: *`;
  return `${field(name)}: ${typeof v === "number" || typeof v === "boolean" ? String(v) : quote(String(v))}`;
}

/** narrow adds a condition to a query, before its pipes; not takes the value away. */
export function narrow(q: string, name: string, v: Value, not = false): string {
  const [filter, ...pipes] = split(q);
  const plain = term(name, v);
  const cond = !not ? plain : plain.startsWith("not ") ? plain.slice(4) : `not ${plain}`;
  const f = filter!.trim();
  const open = /\bor\b/i.test(f.replace(/"(?:\\.|[^"\\])*"/g, "")) ? `(${f})` : f;
  const whole = f === "" || f === "*" ? cond : f.includes(cond) ? f : `${open} and ${cond}`;
  return [whole, ...pipes.map((p) => p.trim())].join(" | ");
}

/** both joins two filters. */
export function both(a: string, b: string): string {
  const x = a.trim();
  const y = b.trim();
  if (x === "" || x === "*") return y;
  if (y === "" || y === "*") return x;
  return `(${x}) and (${y})`;
}
