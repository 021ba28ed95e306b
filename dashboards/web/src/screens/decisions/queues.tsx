import { Icon } from "../../parts/icon.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { setParams } from "../../shell/router.ts";
import type { Queue } from "./groups.ts";
import { decisionWords } from "./words.ts";

/** Queues leads from one queue to another; a count that is not known is left out. */
export function Queues({ queue, counts, onChange }: { queue: Queue; counts: Partial<Record<Queue, string>>; onChange?: () => void }) {
  const w = decisionWords();
  return (
    <Tabs label={w.queues} value={queue} onChange={(q) => { onChange?.(); setParams({ queue: q === "fp" ? "" : q, id: "", source: "" }); }} options={[
      { key: "fp", text: <><Icon name="g-fp" small tone="f" /> {w.fp} <b>{counts.fp}</b></> },
      { key: "missed", text: <><Icon name="g-missed" small tone="m" /> {w.missed} <b>{counts.missed}</b></> },
      { key: "sample", text: <>{w.sample} <b>{counts.sample}</b></> },
    ]} />
  );
}
