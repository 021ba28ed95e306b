import { useEffect, useState } from "preact/hooks";
import { onLanguage } from "./language.ts";

/** useLanguageChanges draws the component anew when the language changes. */
export function useLanguageChanges(): void {
  const [, set] = useState(0);
  useEffect(() => onLanguage(() => set((n) => n + 1)), []);
}
