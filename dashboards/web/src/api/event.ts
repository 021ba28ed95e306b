import type { Event, Value } from "./types.ts";

/** textOf is a value in one line; a list has commas. */
export function textOf(v: Value | undefined): string {
  if (v === undefined || v === null) return "";
  if (Array.isArray(v)) return v.map(textOf).join(", ");
  return typeof v === "object" ? JSON.stringify(v) : String(v);
}

/** str is the first text of a field, "" if it has none. */
export function str(e: Event, field: string): string {
  const v = e[field];
  return textOf(Array.isArray(v) ? v[0] : v);
}

/** list is all texts of a field. */
export function list(e: Event, field: string): string[] {
  const v = e[field];
  if (v === undefined || v === null) return [];
  return (Array.isArray(v) ? v : [v]).map(textOf);
}

/** num is the number of a field. */
export function num(e: Event, field: string): number | undefined {
  const v = e[field];
  return typeof v === "number" ? v : undefined;
}

/** clientOf is who is meant by an event: the client behind proxies, else the peer. */
export function clientOf(e: Event): string {
  return str(e, "client.ip") || str(e, "source.ip");
}

/** wrongOf is how likely the decision of an event was wrong, if it has a verdict. */
export function wrongOf(e: Event): number | undefined {
  const attack = num(e, "verdict.p_attack");
  if (attack === undefined) return undefined;
  return str(e, "waf.decision") === "block" ? 1 - attack : attack;
}
