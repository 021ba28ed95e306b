import { get, post } from "../../api/client.ts";
import type { Decision, Group } from "../../api/types.ts";
import { tell } from "../../shell/undo.ts";
import { labelOf, reasonOfLabel, wordOf, type Verdict } from "./labelling.ts";
import { decisionWords } from "./words.ts";

/** Decisions that were drawn for labelling: those that wait, and how many have a label. */
export interface Drawn {
  waiting: Decision[];
  labelled: number;
  more: boolean; // there are older ones that are not listed
}

interface Page {
  decisions: Decision[];
  next_page_token: string;
}

/**
 * drawnDecisions lists what was drawn in a range, in an order that has nothing to do
 * with time or verdict: who labels only the first of them has a proper sample too.
 */
export async function drawnDecisions(filter: string, range: { from: string; to: string }, signal: AbortSignal): Promise<Drawn> {
  const p = await get<Page>("/api/v1/decisions", { filter, ...range, drawn: true, labelled: "mixed", page_size: 1000 }, signal);
  const waiting = p.decisions.filter((d) => d.label === "");
  return { waiting: shuffled(waiting), labelled: p.decisions.length - waiting.length, more: p.next_page_token !== "" };
}

/** refOf names a decision. */
export function refOf(d: { id: string; source: string }): string {
  return `${d.source} ${d.id}`;
}

/** shuffled is always the same for the same decisions. */
export function shuffled(all: Decision[]): Decision[] {
  return all.map((d) => ({ d, at: mixed(refOf(d)) })).sort((a, b) => a.at - b.at).map((x) => x.d);
}

/** mixed is FNV-1a with its last steps stirred, so that ids that count up do not stay in order. */
function mixed(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** groupOfOne is a decision as a group of itself alone. */
export function groupOfOne(d: Decision): Group {
  const wrong = d.p_wrong ?? 0;
  return {
    site: d.site, path_template: d.path, rule: d.rules[0] ?? "", variable: "", kind: d.kind, decision: d.decision, n: 1, clients: 1,
    first_time: d.time, last_time: d.time, expected_wrong: wrong, share_of_blocks: 0, labels: [], rules: d.rules.map((rule) => ({ rule, n: 1 })),
    examples: [{ id: d.id, source: d.source }], impact: wrong, ...(d.p_attack === undefined ? {} : { p_attack: d.p_attack }),
  };
}

const path = (d: Decision, act: string) => `/api/v1/decisions/${encodeURIComponent(d.id)}:${act}`;

/** labelDrawn labels one decision and tells of it, with an undo. gone hides it, back shows it again. */
export async function labelDrawn(d: Decision, v: Verdict, gone: () => void, back: () => void): Promise<void> {
  const w = decisionWords();
  const blocked = d.decision === "block";
  gone();
  try {
    await post(path(d, "label"), { source: d.source, label: labelOf(v, blocked) });
    tell({
      said: w.saidOne(`${d.method} ${d.path}`.slice(0, 60), wordOf(v, blocked)),
      undo: async () => {
        await post(path(d, "undoLabel"), { source: d.source });
        back();
      },
    });
  } catch (e) {
    back();
    tell({ said: w.failed(reasonOfLabel(e)), failed: true });
  }
}

/** draw draws decisions of a range at random; the server remembers how likely each was to be drawn. */
export async function draw(filter: string, range: { from: string; to: string }, budget: number): Promise<number> {
  const { drawn } = await post<{ drawn: unknown[] }>("/api/v1/decisions:sample", { filter, ...range, budget, seed: Date.now() % 4294967296 });
  return drawn.length;
}
