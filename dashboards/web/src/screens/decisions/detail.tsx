import { useState } from "preact/hooks";
import { num, str } from "../../api/event.ts";
import type { DecisionDetail, Event, Group, KeptRequest } from "../../api/types.ts";
import { IconButton } from "../../parts/button.tsx";
import { Icon } from "../../parts/icon.tsx";
import { DecisionPill } from "../../parts/pill.tsx";
import { Segment } from "../../parts/tabs.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { linesOf, toldLines } from "../../request/lines.ts";
import { RequestView } from "../../request/view.tsx";
import { link } from "../../shell/router.ts";
import { copy } from "../../shell/topbar.tsx";
import { tell } from "../../shell/undo.ts";
import { bytes, count, day, milli } from "../../words/format.ts";
import { Around } from "./around.tsx";
import { Matching } from "./matching.tsx";
import { Score } from "./score.tsx";
import { decisionWords } from "./words.ts";

/** A decision with what the other questions told of it. */
export interface Whole {
  detail: DecisionDetail;
  event: Event | null;
  kept: KeptRequest | null;
  near: Event[]; // of the same client, in order
}

interface Props {
  of: Whole;
  group: Group;
  example: number;
  onExample: (by: number) => void;
}

type View = "raw" | "decoded" | "response" | "session";

/** Detail is the reading pane: request, how it matched, score, before and after. */
export function Detail({ of, group, example, onExample }: Props) {
  const w = decisionWords();
  const [view, setView] = useState<View>("raw");
  const d = of.detail.decision;
  const t = new Date(d.time);
  const around = { from: new Date(t.getTime() - 300e3).toISOString(), to: new Date(t.getTime() + 300e3).toISOString() };
  const of5 = group.examples.length;
  const lines = of.kept?.request ? linesOf(of.kept) : toldLines(of.detail);
  return (
    <>
      <div class="chd">
        <div class="l1">
          <DecisionPill decision={d.decision} action={d.action} />
          <span class="mono path el" title={`${d.method} ${d.site}${d.path}`}><Text v={d.method} /> <Text v={d.site} /><b><Text v={d.path} /></b></span>
          <span class="sp" />
          {of5 > 1 && <span class="nv t2">
            <IconButton icon="left" label={w.lastExample} onClick={() => onExample(-1)} disabled={example === 0} />
            <span title={w.hits(count(group.n))}>{w.example(example + 1, String(of5))}</span>
            <IconButton icon="right" label={w.nextExample} onClick={() => onExample(1)} disabled={example >= of5 - 1} />
          </span>}
        </div>
        <div class="l2 t2">
          <span>{day(t).slice(5)} {milli(t)}</span>
          <span class="mono"><Text v={d.client} /></span>
          <span><Text v={d.node} /></span>
          <span class="sp" />
          {d.request_id && <a href={link("/search", { q: `http.request.id: ${quote(d.request_id)}`, ...around })}>{w.events}</a>}
        </div>
      </div>
      <div class="cbody" tabIndex={0} role="region" aria-label={w.view}>
        <div class="cs">
          <div class="sh">
            <Segment label={w.view} value={view} onChange={setView} options={[
              { key: "raw", text: w.raw }, { key: "decoded", text: w.decoded }, { key: "response", text: w.response }, { key: "session", text: w.session },
            ]} />
            {of.kept && <span class="t3 el">{w.bytes(bytes(of.kept.body_bytes))} · {of.kept.replay_faithful ? <>{w.faithful} <Icon name="check" small tone="a" /></> : w.unfaithful}</span>}
            <span class="sp" />
            {of.kept?.request && <IconButton icon="copy" label={w.copyRequest} onClick={() => {
              void copy(linesOf(of.kept!).map((l) => (l.kind === "first" ? `${l.name} ${l.value}` : l.kind === "header" ? `${l.name}: ${l.value}` : l.value)).join("\n"));
              tell({ said: w.copied });
            }} />}
          </div>
          {(view === "raw" || view === "decoded") && (
            <>
              {!of.kept?.request && <p class="t3 sm">{lines.length > 0 ? w.told : w.noCopy}</p>}
              {lines.length > 0 && <RequestView lines={lines} matches={of.detail.matches} decoded={view === "decoded"} />}
            </>
          )}
          {view === "response" && <Response e={of.event} />}
          {view === "session" && <Around near={of.near} id={d.id} tall />}
        </div>
        {of.detail.matches.length > 0 && <Matching detail={of.detail} kept={of.kept} rule={group.rule} />}
        <Score detail={of.detail} rule={group.rule} threshold={(of.event && num(of.event, "waf.threshold")) ?? 5} />
        {view !== "session" && <Around near={of.near} id={d.id} />}
      </div>
    </>
  );
}

function Response({ e }: { e: Event | null }) {
  const w = decisionWords();
  if (!e) return <div class="code note t3">–</div>;
  const rows: [string, string][] = [
    [w.status, str(e, "http.response.status_code")],
    [w.size, num(e, "http.response.bytes") === undefined ? "" : bytes(num(e, "http.response.bytes")!)],
    [w.type, str(e, "http.response.mime_type")],
    [w.duration, num(e, "event.duration") === undefined ? "" : `${(num(e, "event.duration")! / 1e6).toFixed(1)} ms`],
    [w.mode, str(e, "waf.mode")],
    [w.ruleset, str(e, "waf.ruleset").slice(0, 32)],
    [w.retry, num(e, "waf.retry_count") === undefined ? "" : w.retried(num(e, "waf.retry_count")!)],
  ];
  return <dl class="code dl">{rows.filter(([, v]) => v !== "").map(([k, v]) => <div><dt class="t3">{k}</dt><dd class="mono"><Text v={v} /></dd></div>)}</dl>;
}
