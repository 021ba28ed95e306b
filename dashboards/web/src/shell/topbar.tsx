import type { ComponentChildren } from "preact";
import { IconButton } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { language, setLanguage } from "../words/language.ts";
import { TimePicker } from "./timepicker.tsx";
import { nextTheme } from "./theme.ts";
import { tell } from "./undo.ts";
import { shellWords } from "./words.ts";

/** TopBar has the title, what the screen puts beside it, and what every screen has. */
export function TopBar({ title, children, timeless }: { title: string; children?: ComponentChildren; timeless?: boolean }) {
  const w = shellWords();
  return (
    <header class="top">
      <h1>{title}</h1>
      {children ?? <span class="sp" />}
      {!timeless && <TimePicker />}
      <IconButton icon="link" label={w.copyLink} onClick={() => {
        void copy(location.href);
        tell({ said: w.linkCopied });
      }} />
      <IconButton icon="theme" label={w.theme} onClick={nextTheme} />
      <button type="button" class="btn gh" title={w.language} lang={language() === "en" ? "zh-CN" : "en"}
        onClick={() => setLanguage(language() === "en" ? "zh-CN" : "en")}>
        <Icon name="globe" /><span>{w.languageShort}</span>
      </button>
    </header>
  );
}

/** copy puts a text on the clipboard. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea"); // without TLS there is no clipboard
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
