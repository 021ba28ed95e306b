import { setParams, usePlace } from "../../shell/router.ts";
import type { Range } from "../../time/range.ts";

/** How the histogram is cut: by decision, or by the values of a field. */
export type Split = "decision" | "site" | "status";

/** fieldOf is the field that a split counts. */
export function fieldOf(s: Split): string {
  return { decision: "waf.decision", site: "url.domain", status: "http.response.status_code" }[s];
}

/** What the link of a search says. */
export interface SearchState {
  q: string;
  split: Split;
  brush: Range | undefined;
  open: { id: string; source: string } | undefined;
}

/** useSearchState reads it from the link. */
export function useSearchState(): SearchState {
  const { params } = usePlace();
  const split = params.get("by");
  const [a, b] = (params.get("part") ?? "").split("~").map((t) => new Date(t));
  const brush = a && b && !Number.isNaN(a.getTime()) && !Number.isNaN(b.getTime()) && a < b ? { from: a, to: b } : undefined;
  const id = params.get("event");
  return {
    q: params.get("q") ?? "",
    split: split === "site" || split === "status" ? split : "decision",
    brush,
    open: id ? { id, source: params.get("source") ?? "" } : undefined,
  };
}

export function setQuery(q: string): void {
  setParams({ q, event: "", source: "", part: "" });
}

export function setBrush(r: Range | undefined): void {
  setParams({ part: r ? `${r.from.toISOString()}~${r.to.toISOString()}` : "" }, true);
}

export function setOpen(e: { id: string; source: string } | undefined): void {
  setParams({ event: e?.id, source: e?.source }, true);
}
