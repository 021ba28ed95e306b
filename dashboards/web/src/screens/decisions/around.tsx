import { num, str } from "../../api/event.ts";
import type { Event } from "../../api/types.ts";
import { Text } from "../../parts/text.tsx";
import { second } from "../../words/format.ts";
import { permalink } from "../search/flyout.tsx";
import { decisionWords } from "./words.ts";

/** five are the requests around one, two before and two after where there are. */
export function five(near: Event[], id: string): Event[] {
  const at = near.findIndex((e) => str(e, "event.id") === id);
  const from = Math.max(0, Math.min(at - 2, near.length - 5));
  return near.slice(from, from + 5);
}

/** Around shows what the client did before and after. */
export function Around({ near, id, tall }: { near: Event[]; id: string; tall?: boolean }) {
  const w = decisionWords();
  const shown = tall ? near : five(near, id);
  if (shown.length === 0) return null;
  return (
    <section class={tall ? "" : "cs last"} aria-label={w.around}>
      {!tall && <div class="sh"><h2>{w.around}</h2><span class="t3">{w.sameClient(shown.length)}</span></div>}
      <ol class={tall ? "tlv code" : "tl"}>
        {shown.map((e) => (
          <li class={`${str(e, "waf.decision") === "block" ? "b" : "a"}${str(e, "event.id") === id ? " me" : ""}`}>
            <i />
            <span class="mono t3">{second(new Date(str(e, "@timestamp")))} <b>{num(e, "http.response.status_code") ?? "–"}</b></span>
            <a class="el" href={permalink(e)} title={str(e, "url.path")}><Text v={`${str(e, "http.request.method")} ${str(e, "url.path")}`} /></a>
          </li>
        ))}
      </ol>
    </section>
  );
}
