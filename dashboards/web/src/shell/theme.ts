import { tellServer } from "../words/cookie.ts";
import { store } from "./store.ts";

export type Theme = "system" | "light" | "dark";

const kept = "gw.theme";

/** The theme that was chosen. */
export const theme = store<Theme>("system");

export function setTheme(t: Theme): void {
  if (t === "system") {
    delete document.documentElement.dataset["theme"];
    localStorage.removeItem(kept);
  } else {
    document.documentElement.dataset["theme"] = t;
    localStorage.setItem(kept, t);
  }
  tellServer("gatewatch_theme", t === "system" ? "" : t);
  theme.set(t);
}

/** startTheme takes the theme that was chosen before, else the system's. */
export function startTheme(): void {
  const before = localStorage.getItem(kept);
  if (before === "light" || before === "dark") setTheme(before);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme.set(theme.get()));
}

/** isDark is whether the shown theme is the dark one. */
export function isDark(): boolean {
  const t = theme.get();
  return t === "dark" || (t === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** nextTheme goes from the shown theme to the other one. */
export function nextTheme(): void {
  setTheme(isDark() ? "light" : "dark");
}

/** colour is the value of a token now, for canvases. */
export function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}
