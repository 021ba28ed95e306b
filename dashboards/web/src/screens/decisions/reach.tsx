import { mayLabel } from "../../api/session.ts";
import type { Group } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { count } from "../../words/format.ts";
import { keyOf, type Asked } from "./groups.ts";
import { outsideOf } from "./labelling.ts";
import { decisionWords } from "./words.ts";

const most = 1000; // of one act

/** Reach says how far a label goes, before it is given: with a filter not to the whole group. */
export function Reach({ group, asked, marked }: { group: Group; asked?: Asked | undefined; marked: number }) {
  const w = decisionWords();
  const filtered = asked && asked.filter !== "" && mayLabel();
  const key = filtered ? `${keyOf(group)} ${asked.filter} ${asked.from} ${asked.to}` : undefined;
  const of = useAnswer(key, (s) => outsideOf(group, asked!, s).then((n) => ({ key, n })));
  if (!mayLabel()) return <>{w.mayNot}</>;
  if (marked > 0) return <>{filtered ? w.labelsMarkedWithin(marked) : w.labelsMarked(marked)}</>;
  const outside = of.data?.key === key ? of.data?.n : undefined; // not that of the group before
  if (filtered && outside !== 0) return <>{w.labelsWithin(count(Math.min(group.n, most)), group.n > most, outside === undefined ? "" : count(outside))}</>;
  return <>{group.n === 1 ? w.labelsOne : group.n > most ? w.labelsNewest : w.labelsAll(count(group.n))}</>;
}
