import type { ComponentChildren } from "preact";
import { dictionary } from "../words/dictionary.ts";
import { probability } from "../words/format.ts";
import { Icon, type IconName } from "./icon.tsx";
import type { Cell } from "./table/cell.tsx";

export type Tone = "b" | "a" | "f" | "m" | "n";

const words = dictionary("verdict", {
  blocked: "Blocked", allowed: "Allowed", block: "Blocked", allow: "Allowed", detected: "Detected only",
  fp: "Likely FP", missed: "Likely missed",
}, {
  blocked: "已拦截", allowed: "已放行", block: "拦截", allow: "放行", detected: "仅检测",
  fp: "误报嫌疑", missed: "漏报嫌疑",
});

/** Pill is a state: a glyph and a word on a tint. */
export function Pill({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <span class={`pill ${tone}`}>
      {icon && <Icon name={icon} small />}
      <span>{children}</span>
    </span>
  );
}

/** decisionGlyph is the shape of a decision, which is never colour alone. */
export function decisionGlyph(decision: string, p?: number): { icon: IconName; tone: Tone } {
  if (decision === "block") return { icon: "g-blocked", tone: "b" };
  return p !== undefined && p >= 0.5 ? { icon: "g-missed", tone: "m" } : { icon: "g-allowed", tone: "a" };
}

/** DecisionPill says what was done. */
export function DecisionPill({ decision, action }: { decision: string; action?: string }) {
  const w = words();
  if (decision === "block") {
    return <Pill tone="b" icon="g-blocked">{action === "allow" ? w.detected : w.blocked}</Pill>;
  }
  return <Pill tone="a" icon="g-allowed">{w.allowed}</Pill>;
}

/** DecisionCell is the same in one line of a list. */
export function DecisionCell({ decision, p }: { decision: string; p?: number | undefined }) {
  const { look, icon, runs } = decisionCell(decision, p);
  return <span class={look}><Icon name={icon!.name} small tone={icon!.tone} /> {runs[0]!.text}</span>;
}

/** decisionCell is the same in a cell of a table. */
export function decisionCell(decision: string, p?: number): Cell {
  const w = words();
  const { icon, tone } = decisionGlyph(decision, p);
  return { look: `ac c-${tone === "a" ? "n" : tone}`, icon: { name: icon, tone }, runs: [{ text: decision === "block" ? w.block : w.allow }] };
}

/** SuspectPill says that a decision is likely wrong, and how likely. */
export function SuspectPill({ decision, wrong }: { decision: string; wrong: number | undefined }) {
  const w = words();
  if (wrong === undefined || wrong < 0.3) return null;
  const fp = decision === "block";
  return <Pill tone={fp ? "f" : "m"} icon={fp ? "g-fp" : "g-missed"}>{fp ? w.fp : w.missed} {probability(wrong)}</Pill>;
}
