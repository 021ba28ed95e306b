import { post } from "../../api/client.ts";
import type { Group, LabelledGroup } from "../../api/types.ts";
import { whyOf } from "../../proposals/acts.ts";
import { tell } from "../../shell/undo.ts";
import { count } from "../../words/format.ts";
import { keyOf, type Asked } from "./groups.ts";
import { decisionWords } from "./words.ts";

/** What a key says of a request. */
export type Verdict = "attack" | "legitimate" | "test" | "unsure";

/** labelOf is the label of the API. */
export function labelOf(v: Verdict, blocked: boolean): string {
  switch (v) {
    case "attack": return "true_positive";
    case "legitimate": return blocked ? "false_positive" : "benign";
    case "test": return "benign";
    case "unsure": return "unsure";
  }
}

/** wordOf says a label. */
export function wordOf(v: Verdict, blocked: boolean): string {
  const w = decisionWords();
  if (v === "legitimate") return blocked ? w.labelFp : w.lHarmless;
  return { attack: w.labelAttack, test: w.labelTest, unsure: w.labelUnsure }[v];
}

/** reasonOfLabel says why a label was refused. */
export function reasonOfLabel(e: unknown): string {
  return whyOf(e);
}

/** likeIn is a group in a question about labels: as far as the list that it was seen in goes. */
function likeIn(g: Group, asked: Asked): Record<string, unknown> {
  const like = g.examples[0]!;
  return { like_id: like.id, like_source: like.source, ...(asked.filter ? { filter: asked.filter } : {}), from: asked.from, to: asked.to };
}

/** outsideOf asks how many decisions of a group wait for a label beyond the filter. */
export async function outsideOf(g: Group, asked: Asked, signal: AbortSignal): Promise<number> {
  const answer = await post<{ group: LabelledGroup }>("/api/v1/decisions:labelGroup", { ...likeIn(g, asked), label: "unsure", preview: true }, signal);
  return answer.group.outside;
}

/**
 * labelGroups labels groups at once, each with one act and as far as the list goes that
 * they were seen in, and tells what was done with an undo that takes all of it back. gone hides the groups, back shows them again. What
 * the verdict is sure about to the contrary is left out, and may be labelled, too, if that was all of it: all.
 */
export async function labelGroups(groups: Group[], v: Verdict, asked: Asked, gone: (keys: string[]) => void, back: (keys: string[]) => void, all = false): Promise<void> {
  const w = decisionWords();
  const keys = groups.map(keyOf);
  gone(keys);
  const acts: LabelledGroup[] = [];
  try {
    for (const g of groups) {
      const answer = await post<{ group: LabelledGroup }>("/api/v1/decisions:labelGroup", {
        ...likeIn(g, asked), label: labelOf(v, g.decision === "block"), ...(all ? { all } : {}),
      });
      acts.push(answer.group);
    }
  } catch (e) {
    back(keys.slice(acts.length));
    tell({ said: w.failed(reasonOfLabel(e)), failed: true });
    if (acts.length === 0) return;
  }
  const n = acts.reduce((a, x) => a + x.n, 0);
  const out = acts.reduce((a, x) => a + x.kept_out, 0);
  const outside = acts.reduce((a, x) => a + x.outside, 0);
  const rest = outside > 0 ? ` · ${w.outside(count(outside))}` : "";
  // Where a part of a group was labelled the rest may well be attacks, and is left alone.
  const more = out > 0 && n === 0 ? { more: { name: w.labelToo, run: () => void labelGroups(groups, v, asked, gone, back, true) } } : {};
  if (n === 0 && acts.every((x) => x.act === 0)) {
    tell({ said: (out > 0 ? w.keptOut(count(out)) : w.nothing) + rest, ...more });
    return;
  }
  const first = groups[0]!;
  const named = groups.length > 1 ? `${first.rule || first.path_template} +${groups.length - 1}` : first.rule || first.path_template;
  tell({
    said: w.said(named, count(n), wordOf(v, first.decision === "block")) + (out > 0 ? ` · ${w.keptOut(count(out))}` : "") + rest,
    ...more,
    undo: async () => {
      for (const a of [...acts].reverse()) if (a.act > 0) await post("/api/v1/decisions:undoLabels", { act: a.act });
      back(keys);
    },
  });
}
