import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../../words/format.ts";
import { guessed, home, layout } from "../layout.ts";
import { draw } from "../map/arcs.ts";
import type { MapChart } from "../map/chart.ts";
import { language } from "../../words/language.ts";
import { sharpness } from "../stage.ts";
import { wallWords } from "../words.ts";
import { panel } from "./panel.ts";

/** chartOn loads ECharts and the map of the operator, if there is one. */
async function chartOn(box: HTMLElement, still: boolean): Promise<MapChart> {
  const [{ MapChart }, ground] = await Promise.all([import("../map/chart.ts"), import("../map/ground.ts")]);
  if (!layout().map) return new MapChart(box, ground.ownGround(), still, sharpness());
  const answer = await fetch("/screen/map.json", { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return new MapChart(box, ground.operatorGround(await answer.json()), still, sharpness());
}

panel("map", ({ state, still }) => {
  const w = wallWords();
  const box = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<MapChart>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    let made: MapChart | undefined;
    chartOn(box.current!, still).then((c) => {
      made = c;
      if (gone) c.dispose();
      else setChart(c);
    }, (e: unknown) => {
      console.warn("map", e);
      setFailed(true);
    });
    return () => {
      gone = true;
      made?.dispose();
    };
  }, [still]);
  const drawn = draw(state.arcs ?? [], home);
  const shown = useRef("");
  useEffect(() => {
    if (!chart) return;
    const ours = [...new Map((state.sites ?? []).map((s) => home(s.name)).concat(drawn.lines.map((l) => l.to), layout().home ? [home("")] : []).map((p) => [String(p.at), p])).values()];
    chart.show(drawn, ours, shown.current !== state.time && !document.hidden);
    shown.current = state.time;
  }, [chart, state, language()]);
  return (
    <section class="map">
      <div ref={box} class="chart" role="img" aria-label={w.attackers} />
      {failed && <p class="say cf">{w.mapFailed}</p>}
      {drawn.lines.length === 0 && drawn.unknown > 0 && <p class="say"><b>{w.noOrigin}</b> {w.noOriginHow} <code class="mono">gatewatch geoip update</code></p>}
      {drawn.lines.length === 0 && drawn.unknown === 0 && (state.totals?.requests ?? 0) === 0 && (state.trend ?? []).length === 0 && (
        <p class="say"><b>{w.noRequests}</b> {w.noRequestsHow} <code class="mono">gatewatch-waf --upstream http://127.0.0.1:3000 --server {location.hostname}:9090</code></p>
      )}
      <div class="legend">
        <span class="cb">● {w.mapBlocked}</span>
        {drawn.lines.some((l) => l.missed) && <span class="cm">● {w.mapMissed}</span>}
        <span class="ca">◎ {guessed() ? w.oursGuess : w.ours}</span>
        <span class="t3">{still ? w.legendStill : w.legend}</span>
        {drawn.unknown > 0 && <span class="t2">{w.unknownOrigin(count(drawn.unknown))}</span>}
      </div>
      {layout().map && <span class="number">{w.mapNumber(layout().map!.number)}</span>}
    </section>
  );
});
