import { Text } from "../../parts/text.tsx";
import { ruleTitle } from "../../crs/titles.ts";
import { count } from "../../words/format.ts";
import { sigmaTitle } from "../../sigma/titles.ts";
import type { ComponentChildren } from "preact";
import type { Count } from "../state.ts";
import { countryName } from "../map/places.ts";
import { wallWords } from "../words.ts";
import { Head } from "./head.tsx";
import { panel, room } from "./panel.ts";

/** Bars are names with a bar under each, the longest that of the most. */
function Bars({ of, name }: { of: Count[]; name: (c: Count) => ComponentChildren }) {
  const most = Math.max(1, ...of.map((c) => c.count));
  return (
    <>
      {of.map((c) => (
        <div class="bar" key={`${c.name} ${c.detail}`}>
          <div>{name(c)}<b>{count(c.count)}</b></div>
          <i><i style={{ transform: `scaleX(${c.count / most})` }} /></i>
        </div>
      ))}
      {of.length === 0 && <p class="none">{wallWords().none}</p>}
    </>
  );
}

panel("types", ({ state, rows }) => {
  const w = wallWords();
  return (
    <section style={room(40, 49, rows)}>
      <Head title={w.types}>{w.hits}</Head>
      <Bars of={(state.types ?? []).slice(0, rows)} name={(c) => <span class="el">{ruleTitle(c.name) || <Text v={c.name} />}</span>} />
    </section>
  );
});

panel("rules", ({ state, rows }) => {
  const w = wallWords();
  const all = (state.rules ?? []).slice(0, rows);
  return (
    <section style={room(40, 41, rows)}>
      <Head title={w.rules}>{w.top(String(rows))}</Head>
      {all.map((c) => (
        <div class="rule" key={c.name}>
          <span class="mono t3 el"><Text v={c.name} /></span>
          <span class="el">{ruleTitle(c.name) || <Text v={sigmaTitle(c.detail || c.name).text} />}</span>
          <b>{count(c.count)}</b>
        </div>
      ))}
      {all.length === 0 && <p class="none">{w.none}</p>}
    </section>
  );
});

panel("targets", ({ state, rows }) => {
  const w = wallWords();
  return (
    <section style={room(40, 49, rows)}>
      <Head title={w.targets}>{w.top(String(rows))}</Head>
      <Bars of={(state.targets ?? []).slice(0, rows)} name={(c) => <span class="mono el"><span class="t3"><Text v={c.detail ?? ""} /></span> <Text v={c.name} /></span>} />
    </section>
  );
});

panel("attackers", ({ state, rows }) => {
  const w = wallWords();
  const all = (state.attackers ?? []).slice(0, rows);
  return (
    <section style={room(40, 44, rows)}>
      <Head title={w.attackers}>{w.times}</Head>
      {all.map((c, i) => (
        <div class="client" key={i}>
          <span class="mono el"><Text v={c.name} /></span>
          <span class="t2 el">{countryName(c.detail ?? "")}</span>
          <b>{count(c.count)}</b>
        </div>
      ))}
      {all.length === 0 && <p class="none">{w.none}</p>}
    </section>
  );
});
