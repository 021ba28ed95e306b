import { session } from "../api/session.ts";
import { Icon } from "../parts/icon.tsx";
import { Text } from "../parts/text.tsx";
import { rangeOf } from "../time/range.ts";
import { language } from "../words/language.ts";
import { usual } from "./range.ts";
import { link, usePlace } from "./router.ts";
import { screenAt, screens, type Screen } from "./screen.ts";
import { useStore } from "./store.ts";
import { shellWords } from "./words.ts";

/** report is where the security report of the time range at hand is. */
function report(params: URLSearchParams): string {
  const r = rangeOf(params.get("from") ?? "", params.get("to") ?? "", new Date(), usual);
  const of = new URLSearchParams({ format: "html", lang: language(), from: r.from.toISOString(), to: r.to.toISOString() });
  return `/api/v1/reports/waf?${of}`;
}

/** Rail leads to the screens; it keeps the time range. */
export function Rail() {
  const w = shellWords();
  const { path, params } = usePlace();
  const who = useStore(session);
  const now = screenAt(path);
  const range = { from: params.get("from") ?? "", to: params.get("to") ?? "" };
  const item = (s: Screen) => (
    <a href={link(s.path, range)} class={s === now ? "on" : ""} aria-current={s === now ? "page" : undefined}>
      <Icon name={s.icon} />
      <span>{(s.rail ?? s.name)()}</span>
      {s.badge && <s.badge />}
    </a>
  );
  return (
    <nav class="rail" aria-label={w.screens}>
      <a class="logo" href={link("/overview", range)} aria-label="Gatewatch">
        <svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true">
          <path d="M4 22V11a9 9 0 0 1 18 0v11" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" />
          <path d="M9 22v-9.5a4 4 0 0 1 8 0V22" fill="none" stroke="var(--accent)" stroke-width="2.4" stroke-linecap="round" />
        </svg>
      </a>
      {screens().filter((s) => !s.foot).map(item)}
      <div class="sp" />
      {screens().filter((s) => s.foot).map(item)}
      <a href={report(params)} download onClick={(e) => (e.currentTarget.href = report(params))}><Icon name="report" /><span>{w.report}</span></a>
      <a href="/screen/attacks" target="_blank" rel="noopener"><Icon name="wall" /><span>{w.wall}</span></a>
      {who && (
        <a href="/account" target="_self">
          <Icon name="user" />
          <span class="el who"><Text v={who.user.name} /></span>
        </a>
      )}
    </nav>
  );
}
