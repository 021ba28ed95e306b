import type { Match } from "../api/types.ts";
import { Text, type Span } from "../parts/text.tsx";
import { dictionary } from "../words/dictionary.ts";
import { locate, urlDecode } from "./decode.ts";
import type { Line } from "./lines.ts";

const words = dictionary("request", {
  request: "Request", masked: "masked",
}, {
  request: "请求", masked: "已脱敏",
});

/** RequestView shows a request by lines, decoded if wanted, with what rules matched marked. */
export function RequestView({ lines, matches, decoded }: { lines: Line[]; matches: Match[]; decoded: boolean }) {
  const values = [...new Set(matches.map((m) => m.value))];
  return (
    <div class="code mono" aria-label={words().request} role="region" tabIndex={0}>
      {lines.map((l, i) => <LineView line={l} n={i + 1} values={values} decoded={decoded} />)}
    </div>
  );
}

function LineView({ line, n, values, decoded }: { line: Line; n: number; values: string[]; decoded: boolean }) {
  const { text, marks } = shown(line, values, decoded);
  return (
    <div class="ln">
      <span class="no">{n}</span>
      <span class="lc">
        {line.kind === "first" && <span class="ck"><Text v={line.name} /> </span>}
        {line.kind === "header" && <span class="hk"><Text v={line.name} />: </span>}
        <Text v={text} marks={marks} />
      </span>
    </div>
  );
}

/** shown is the text of a line, decoded if wanted, and the marks in it. */
function shown(line: Line, values: string[], decoded: boolean): { text: string; marks: Span[] } {
  const found = line.kind === "blank" ? [] : values.map((v) => locate(line.value, v)).filter((x) => x !== undefined);
  const marks = merge(found.map((f) => (decoded ? f.span : f.sent)));
  if (!decoded || line.kind === "header") return { text: line.value, marks: merge(found.map((f) => f.sent)) };
  return { text: urlDecode(line.value, line.kind === "body").text, marks };
}

function merge(spans: Span[]): Span[] {
  const out: Span[] = [];
  for (const s of [...spans].sort((a, b) => a.from - b.from)) {
    const last = out[out.length - 1];
    if (last && s.from <= last.to) last.to = Math.max(last.to, s.to);
    else out.push({ ...s });
  }
  return out;
}
