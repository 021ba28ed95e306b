import { get } from "../../api/client.ts";
import type { Groups } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { useEffect, useState } from "preact/hooks";
import { count } from "../../words/format.ts";
import { suspect, wrongOf } from "./groups.ts";

/** suspects counts groups of blocks that are more than a little likely to be wrong. */
export function suspects(g: Groups): number {
  return g.groups.filter((x) => wrongOf(x) >= suspect).length;
}

const first = 2000; // after the screen's own questions
const every = 120_000;

/** Waiting is the badge of the rail: groups that are likely false positives and have no label. */
export function Waiting() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const t = setTimeout(() => setTurn(turn + 1), turn === 0 ? first : every);
    return () => clearTimeout(t);
  }, [turn]);
  const of = useAnswer(turn === 0 ? undefined : `waiting ${turn}`, (s) => get<Groups>("/api/v1/decisions:groups", {
    from: new Date(Date.now() - 86400e3).toISOString(), order_by: "false_positives", unlabelled: true, page_size: 100,
  }, s));
  const n = of.data ? suspects(of.data) : 0;
  return n > 0 ? <span class="badge">{count(n)}</span> : null;
}
