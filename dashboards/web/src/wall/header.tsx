import { useEffect, useState } from "preact/hooks";
import { Text } from "../parts/text.tsx";
import { day, second } from "../words/format.ts";
import { language } from "../words/language.ts";
import { zoneLabel, zoneName } from "../time/zone.ts";
import { layout } from "./layout.ts";
import type { Feed } from "./stream.ts";
import { wallWords } from "./words.ts";

/** Clock goes on whatever the server does. */
function Clock() {
  const [now, set] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => set(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  const weekday = new Intl.DateTimeFormat(language(), { weekday: "short", timeZone: zoneName() }).format(now);
  return <><span class="t2">{day(now)} {weekday} {zoneLabel(now)}</span><span class="clock">{second(now)}</span></>;
}

/** status is what has to be said of the data itself. */
function status({ state, lost, ended }: Feed): string {
  const w = wallWords();
  if (lost === undefined) return "";
  if (ended) return `${w.ended} ${w.endedHow}`;
  return state ? w.lost(second(new Date(state.time))) : w.waiting;
}

export function Header({ feed, title }: { feed: Feed; title: string }) {
  const w = wallWords();
  const said = status(feed);
  const s = feed.state;
  return (
    <header>
      <svg width="44" height="44" viewBox="0 0 26 26" aria-hidden="true">
        <path d="M4 22V11a9 9 0 0 1 18 0v11" fill="none" stroke="var(--t)" stroke-width="2.2" stroke-linecap="round" />
        <path d="M9 22v-9.5a4 4 0 0 1 8 0V22" fill="none" stroke="var(--x)" stroke-width="2.2" stroke-linecap="round" />
      </svg>
      <h1>{title}</h1>
      {s && <span class="t2 sub el">{layout().title && <><Text v={layout().title!} /> · </>}{w.sites(String(s.sites?.length ?? 0))} · {w.nodesHead(String(s.nodes?.length ?? 0))}</span>}
      <span class="sp" />
      <span role="status" class={said ? "said" : "privacy"}>
        {said ? `▲ ${said}` : s && (s.partial ?? []).length > 0 ? <span class="cf">▲ {w.partial(s.partial!.length > 1 ? `${s.partial!.length}` : "")}</span> : s && (s.masked ? w.masked : w.unmasked)}
      </span>
      <Clock />
    </header>
  );
}
