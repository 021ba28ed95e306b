import { useEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../shell/store.ts";
import { Text } from "../parts/text.tsx";
import { Header } from "./header.tsx";
import { layout, type Part } from "./layout.ts";
import { type Given, panelOf } from "./panels/panel.ts";
import { startStage } from "./stage.ts";
import { feed } from "./stream.ts";
import { wallWords } from "./words.ts";

const motion = matchMedia("(prefers-reduced-motion: reduce)");

/** useStill is whether nothing may move. */
function useStill(): boolean {
  const [still, set] = useState(motion.matches);
  useEffect(() => {
    const change = () => set(motion.matches);
    motion.addEventListener("change", change);
    return () => motion.removeEventListener("change", change);
  }, []);
  return still;
}

/** App is one screen. */
export function App({ name }: { name: string }) {
  const w = wallWords();
  const stage = useRef<HTMLElement>(null);
  const of = useStore(feed);
  const still = useStill();
  useEffect(() => startStage(stage.current!), []);
  const screens = layout().screens;
  const screen = Object.hasOwn(screens, name) ? screens[name] : undefined;
  const own = { attacks: w.attacks, gateway: w.gateway } as Record<string, string>;
  const title = screen?.title ?? own[name] ?? name;
  return (
    <main id="main" ref={stage} class={of.lost === undefined ? "stage" : "stage stale"} data-time={of.state?.time}>
      <Header feed={of} title={title} />
      {!screen && <p class="say"><b>{w.noScreen(name)}</b> {Object.keys(screens).map((s) => <a href={`/screen/${s}`}><Text v={s} /></a>)}</p>}
      {screen && !of.state && <p class="say">{of.lost === undefined ? w.loading : ""}</p>}
      {screen && of.state && (["left", "middle", "right"] as const).map((c) => <Column parts={screen[c] ?? []} given={{ state: of.state!, still, rows: 5 }} name={c} />)}
    </main>
  );
}

function Column({ parts, given, name }: { parts: Part[]; given: Given; name: string }) {
  return (
    <div class={`column ${name}`}>
      {parts.map((p) => {
        const Panel = panelOf(p.panel);
        return Panel && <Panel key={p.panel} {...given} rows={p.rows ?? given.rows} />;
      })}
    </div>
  );
}
