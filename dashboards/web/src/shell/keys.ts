import { useEffect, useRef } from "preact/hooks";
import { preference } from "../api/preferences.ts";

/**
 * One key, by its place on the keyboard: "KeyJ", "Slash", "Shift+Slash", or two of
 * them one after the other: "KeyG KeyO". What it does is said in words, for the sheet.
 */
export interface Binding {
  code: string;
  what: () => string;
  run: () => void;
  inInputs?: boolean; // works while text is being written
}

interface Layer {
  title: () => string;
  bindings: () => Binding[];
}

const layers: Layer[] = [];
let first = "";
let firstAt = 0;

/** Whether single keys do anything. */
export const keysOn = preference("keys", true, (x) => (typeof x === "boolean" ? x : undefined));

export function setKeysOn(on: boolean): void {
  keysOn.set(on);
}

/** startKeys listens. Text that is being written keeps its letters. */
export function startKeys(): void {
  addEventListener("keydown", press);
}

function writing(e: KeyboardEvent): boolean {
  const t = e.target as HTMLElement;
  return t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName);
}

function press(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  if (/^(Shift|Control|Alt|Meta)/.test(e.key)) return;
  const inside = writing(e);
  // An open button or link acts on Enter and Space itself.
  if ((e.code === "Enter" || e.code === "Space") && (e.target as Element).closest?.("a,button,[role=option]")) return;
  const code = (e.shiftKey ? "Shift+" : "") + e.code;
  const chord = e.timeStamp - firstAt < 1500 && first !== "" ? `${first} ${code}` : "";
  first = "";
  for (let i = layers.length - 1; i >= 0; i--) {
    for (const b of layers[i]!.bindings()) {
      if (inside && !b.inInputs) continue;
      if (!keysOn.get() && !b.inInputs && b.code !== "Escape") continue;
      if (b.code === code || (chord !== "" && b.code === chord)) {
        e.preventDefault();
        b.run();
        return;
      }
    }
  }
  if (!inside && code === "KeyG") [first, firstAt] = [code, e.timeStamp];
}

/** useKeys gives keys a meaning as long as the component is there; the latest comes first. */
export function useKeys(title: () => string, bindings: Binding[]): void {
  const now = useRef(bindings);
  now.current = bindings;
  useEffect(() => {
    const layer = { title, bindings: () => now.current };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, []);
}

/** keyMap is what all keys do now, for the sheet; the latest meaning first. */
export function keyMap(): { title: string; bindings: Binding[] }[] {
  const taken = new Set<string>();
  const out: { title: string; bindings: Binding[] }[] = [];
  for (const l of [...layers].reverse()) {
    const free = l.bindings().filter((b) => !taken.has(b.code));
    for (const b of free) taken.add(b.code);
    if (free.length > 0) out.push({ title: l.title(), bindings: free });
  }
  return out;
}

const named: Record<string, string> = {
  Slash: "/", "Shift+Slash": "?", Period: ".", BracketLeft: "[", BracketRight: "]", Escape: "Esc", Space: "␣",
  ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→",
};

/** capsOf is what is printed on the keys of a binding. */
export function capsOf(code: string): string[] {
  return code.split(" ").map((c) => named[c] ?? c.replace(/^Key/, "").replace(/^Shift\+Key/, "⇧").replace(/^Digit/, "").toLowerCase()
    .replace(/^enter$/, "↵"));
}
