import type { DecisionDetail, Group } from "../../api/types.ts";
import { quote } from "../../query/edit.ts";

/** What a list of groups was asked with: a label of one of them is about just that. */
export interface Asked {
  filter: string;
  from: string;
  to: string;
}

/** What is to be reviewed: blocks that were wrong, what passed and was an attack, or what was drawn at random. */
export type Queue = "fp" | "missed" | "sample";

/** keyOf names a group. */
export function keyOf(g: Group): string {
  return JSON.stringify([g.site, g.path_template, g.rule, g.variable, g.kind, g.decision]);
}

/** A group is suspect from this mean probability on that its decisions were wrong. */
export const suspect = 0.05;

/** wrongOf is the mean probability that a decision of the group was wrong. */
export function wrongOf(g: Group): number {
  return g.n > 0 ? g.expected_wrong / g.n : 0;
}

/** filterOf is a query for the events of a group. */
export function filterOf(g: Group): string {
  const path = g.path_template.includes("{id}")
    ? `url.path: ${g.path_template.split("{id}").map((s) => s.replace(/[\s"()|*\\:]/g, "\\$&")).join("*")}`
    : `url.path: ${quote(g.path_template)}`;
  const terms = [`waf.decision: ${g.decision}`, path];
  // A node names its sites; logs of other WAFs know the host alone.
  if (g.site) terms.unshift(`(waf.site: ${quote(g.site)} or url.domain: ${quote(g.site)})`);
  if (g.rule) terms.push(`rule.id: ${quote(g.rule)}`);
  return terms.join(" and ");
}

/** groupOf is the group of a decision, as far as a link can tell: by site, path and gravest match. */
export function holds(g: Group, d: DecisionDetail): boolean {
  const x = d.decision;
  const path = new RegExp(`^${g.path_template.split("{id}").map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^/]+")}$`);
  return g.site === x.site && g.decision === x.decision && path.test(x.path) && (g.rule === "" ? x.rules.length === 0 : x.rules.includes(g.rule));
}
