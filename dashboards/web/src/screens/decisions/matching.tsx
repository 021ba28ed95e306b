import type { DecisionDetail, KeptRequest } from "../../api/types.ts";
import { Text } from "../../parts/text.tsx";
import { locate } from "../../request/decode.ts";
import { linesOf } from "../../request/lines.ts";
import { decisionWords } from "./words.ts";

/** Matching shows the matched span as it was sent, decoded, and as the rule saw it. */
export function Matching({ detail, kept, rule }: { detail: DecisionDetail; kept: KeptRequest | null; rule: string }) {
  const w = decisionWords();
  const m = detail.matches.find((x) => x.rule === rule) ?? detail.matches[0]!;
  const lines = kept ? linesOf(kept) : [];
  const line = lines.find((l) => l.kind !== "blank" && locate(l.value, m.value));
  const at = line && locate(line.value, m.value);
  const changed = at && line!.value.slice(at.sent.from, at.sent.to) !== m.value;
  return (
    <section class="cs" aria-label={w.how}>
      <div class="sh"><h2>{w.how}</h2><span class="mono t3 el"><Text v={`${m.rule} · ${m.variable}`} /></span></div>
      <div class="chain">
        {at && <Step name={w.asSent} text={line!.value} from={at.sent.from} to={at.sent.to} note="" />}
        {at && changed && <Step name={w.urlDecoded} text={at.decoded.text} from={at.span.from} to={at.span.to} note={w.changed} />}
        <Step name={m.message} english text={m.value} from={0} to={m.value.length} note={m.variable} last />
      </div>
      {!at && kept && <p class="t3 sm">{w.notFound}</p>}
    </section>
  );
}

const before = 14; // characters shown before the span
const longest = 300;

function Step({ name, text, from, to, note, last, english }: { name: string; text: string; from: number; to: number; note: string; last?: boolean; english?: boolean }) {
  const begin = Math.max(0, from - before);
  const shown = (begin > 0 ? "…" : "") + text.slice(begin, begin + longest);
  const lead = begin > 0 ? 1 : 0;
  return (
    <div class={`st${last ? " last" : ""}`}>
      <span class="dot" />
      <span class="tn el" lang={english ? "en" : undefined} title={name}><Text v={name} /></span>
      <span class="tv mono el"><Text v={shown} marks={[{ from: from - begin + lead, to: Math.min(shown.length, to - begin + lead) }]} /></span>
      <span class="tx t3 el"><Text v={note} /></span>
    </div>
  );
}
