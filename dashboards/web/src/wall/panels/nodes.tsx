import { Text } from "../../parts/text.tsx";
import { span } from "../../words/ago.ts";
import { count } from "../../words/format.ts";
import type { Node } from "../state.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel, room } from "./panel.ts";

const manyWaiting = 1000; // records in the spool that are more than a hiccup

/** trouble says what is wrong with a node, "" if nothing is. */
function trouble(n: Node, now: number): string {
  const w = wallWords();
  if (!n.connected) return n.last_seen_time ? w.away(span(Math.max(0, now - new Date(n.last_seen_time).getTime()))) : w.awayNever;
  if ((n.spool_overflow ?? 0) > 0) return w.losing(count(n.spool_overflow!));
  if ((n.spool_records ?? 0) > manyWaiting) return w.behind(count(n.spool_records!));
  return "";
}

panel("nodes", ({ state, rows }) => {
  const w = wallWords();
  const now = new Date(state.time).getTime();
  const all = (state.nodes ?? []).map((n) => ({ n, wrong: trouble(n, now) })).sort((a, b) => Number(b.wrong !== "") - Number(a.wrong !== ""));
  const shown = all.slice(0, all.length > rows ? rows - 1 : rows);
  const rest = all.length - shown.length;
  return (
    <section style={room(40, 38, rows)}>
      <Head title={w.nodes}>{all.length > 0 && w.nodesNote(String(all.filter((x) => x.n.connected).length), String(all.length))}</Head>
      {shown.map(({ n, wrong }) => (
        <div class={wrong ? "node wrong" : "node"} key={n.name}><span class="mono el"><Text v={n.name} /></span><span>{wrong || w.up}</span></div>
      ))}
      {rest > 0 && <div class="node rest"><span class="t2">{w.moreNodes(String(rest))}</span></div>}
      {all.length === 0 && <p class="none">{w.noNodes}</p>}
    </section>
  );
});
