import { useEffect } from "preact/hooks";
import { refresh, useRange } from "../../shell/range.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { second } from "../../words/format.ts";
import { Needs } from "./needs.tsx";
import { Quality } from "./quality.tsx";
import { FindingsByRule, NodesBrief } from "./tables.tsx";
import { Strips, Traffic } from "./traffic.tsx";
import { overviewWords } from "./words.ts";

const every = 60_000;

/** Overview says what needs a person now, and how the gate does. */
export function Overview() {
  const w = overviewWords();
  const { range, preset, tick } = useRange();
  useEffect(() => {
    if (!preset) return;
    const t = setInterval(() => document.visibilityState === "visible" && refresh(), every);
    return () => clearInterval(t);
  }, [preset]);
  const times = { from: range.from.toISOString(), to: range.to.toISOString() };
  const p = { range, times, tick };
  return (
    <>
      <TopBar title={w.title}><span class="sp" /><span class="t3 upd">{w.updated(second(range.to))}</span></TopBar>
      <main class="ov" id="main" tabIndex={-1}>
        <Needs {...p} />
        <Quality {...p} />
        <Traffic {...p} />
        <Strips {...p} />
        <FindingsByRule {...p} />
        <NodesBrief tick={tick} />
      </main>
    </>
  );
}
