import { tellServer } from "./cookie.ts";

/** The languages of the console. */
export type Language = "zh-CN" | "en";

const kept = "gw.language";
let current: Language = "en";
const listeners = new Set<() => void>();

export function language(): Language {
  return current;
}

/** onLanguage calls f after each change, until the returned function is called. */
export function onLanguage(f: () => void): () => void {
  listeners.add(f);
  return () => listeners.delete(f);
}

/** setLanguage changes what words() gives, and remembers it. */
export function setLanguage(l: Language): void {
  current = l;
  if (typeof document !== "undefined") {
    document.documentElement.lang = l;
    localStorage.setItem(kept, l);
    tellServer("gatewatch_lang", l);
  }
  for (const f of listeners) f();
}

/** startLanguage takes the language that was chosen before, else the browser's. */
export function startLanguage(): void {
  const before = localStorage.getItem(kept);
  setLanguage(before === "en" || before === "zh-CN" ? before : navigator.language.startsWith("zh") ? "zh-CN" : "en");
}
