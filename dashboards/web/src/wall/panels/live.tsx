import { Text } from "../../parts/text.tsx";
import { ruleTitle } from "../../crs/titles.ts";
import { sigmaTitle } from "../../sigma/titles.ts";
import { second } from "../../words/format.ts";
import type { Item } from "../state.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel, room } from "./panel.ts";

const hold = 30_000; // milliseconds for which a critical finding stays first
const critical = 80;

/** order puts a critical finding of the last seconds first, and leaves the rest as it is. */
export function order(feed: Item[], now: number): Item[] {
  const grave = feed.find((i) => i.finding && (i.severity ?? 0) >= critical && now - new Date(i.time).getTime() <= hold);
  return grave ? [grave, ...feed.filter((i) => i !== grave)] : feed;
}

panel("live", ({ state, rows }) => {
  const w = wallWords();
  const all = order(state.feed ?? [], new Date(state.time).getTime()).slice(0, rows);
  const kind = (i: Item) => {
    if (i.finding) return <span class="cf">● {w.finding}</span>;
    if (i.suspect === "false_positive") return <span class="cf">▲ {w.suspectFp}</span>;
    if (i.suspect === "missed") return <span class="cm">◆ {w.suspectMissed}</span>;
    return <span class="cb">■ {w.block}</span>;
  };
  return (
    <section class="live" style={room(40, 31, rows)}>
      <Head title={w.live}>{w.liveNote}</Head>
      {all.map((i, n) => (
        <div class="item" key={n}>
          <span class="mono t3">{second(new Date(i.time))}</span>
          {kind(i)}
          <span class="mono t2 el"><Text v={i.client ?? ""} /></span>
          <span class="el">{ruleTitle(i.rule ?? "") || <Text v={sigmaTitle(i.rule_name || i.rule || "").text} />}</span>
          <span class="mono t2 el"><span class="t3"><Text v={i.site ?? ""} /></span> <Text v={i.path ?? ""} /></span>
        </div>
      ))}
      {all.length === 0 && <p class="none">{w.none}</p>}
    </section>
  );
});
