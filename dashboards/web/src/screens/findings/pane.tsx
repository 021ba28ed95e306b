import { useState } from "preact/hooks";
import { get } from "../../api/client.ts";
import { mayLabel, session } from "../../api/session.ts";
import type { Alert, AlertChange } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Button, IconButton, Key } from "../../parts/button.tsx";
import { Pill } from "../../parts/pill.tsx";
import { ofNumber, Severity } from "../../parts/severity.tsx";
import { Text } from "../../parts/text.tsx";
import { quote } from "../../query/edit.ts";
import { link } from "../../shell/router.ts";
import { RuleName } from "../../sigma/name.tsx";
import { sigmaTitle } from "../../sigma/titles.ts";
import { fullMoment, moment } from "../../words/format.ts";
import { change, type Change } from "./change.ts";
import { findingWords } from "./words.ts";

/** StatusPill says how far a finding is. */
export function StatusPill({ status }: { status: Alert["status"] }) {
  const w = findingWords();
  if (status === "ALERT_STATUS_CLOSED") return <Pill tone="n" icon="check">{w.closedState}</Pill>;
  return status === "ALERT_STATUS_NEW" ? <Pill tone="f" icon="bell">{w.new}</Pill> : <Pill tone="n" icon="user">{w.acknowledged}</Pill>;
}

/** around is a range in which the events of a finding are. */
export function around(a: Alert): { from: string; to: string } {
  const t = new Date(a.event_time).getTime();
  return { from: new Date(t - 3600e3).toISOString(), to: new Date(t + 600e3).toISOString() };
}

/** Pane shows one finding: what it is about, who has it, and its history. */
export function Pane({ alert: a, onChange, onClose }: { alert: Alert; onChange: (a: Alert) => void; onClose: () => void }) {
  const w = findingWords();
  const [note, setNote] = useState("");
  const [wrong, setWrong] = useState(false);
  const of = useAnswer(`${a.id} ${a.revision}`, (s) => get<{ history: AlertChange[] }>(`/api/v1/alerts/${encodeURIComponent(a.id)}`, {}, s));
  const me = session.get()?.user.name ?? "";
  const name = sigmaTitle(a.rule_name).text;
  const run = (c: Change, said: string) => {
    void change(a, note.trim() ? { ...c, note: note.trim() } : c, said, onChange);
    setNote("");
  };
  const close = () => {
    setWrong(note.trim() === "");
    if (note.trim() !== "") run({ status: "ALERT_STATUS_CLOSED" }, w.closedToast(name));
  };
  const ids = a.event_ids.slice(0, 50).map(quote).join(" or ");
  const where: [string, string][] = [["source.ip", a.source_ip], ["user.name", a.user_name], ["host.name", a.host_name], ["url.domain", a.url_domain], ["url.path", a.url_path]];
  return (
    <aside class="fly" aria-label={w.openIt}>
      <div class="fh"><StatusPill status={a.status} /><Severity level={ofNumber(a.severity)} word /><span class="sp" /><IconButton icon="x" label={w.dismiss} onClick={onClose} /></div>
      <div class="ft"><div class="fx"><b><RuleName v={a.rule_name} /></b></div><div class="t3">{fullMoment(new Date(a.event_time))} · <Text v={a.source} /> · <Text v={a.dataset} /></div></div>
      <div class="fbody" tabIndex={0} role="region" aria-label={w.openIt}>
        <div class="kvs">
          {where.filter(([, v]) => v !== "").map(([k, v]) => (
            <a class="kv" href={link("/search", { q: `${k}: ${quote(v)}`, ...around(a) })}><span class="mono t3 el">{k}</span><span class="mono el"><Text v={v} /></span><span /></a>
          ))}
        </div>
        <div class="fm links">
          {ids && <a href={link("/search", { q: `event.id: (${ids})`, ...around(a) })}>{w.allEvents} ({a.event_ids.length})</a>}
          <a href={link(`/rules/${encodeURIComponent(a.rule_id)}`, { event: a.event_ids[0], source: a.source })}>{w.openRule}</a>
        </div>
        <div class="fm">
          <h3>{w.history}</h3>
          {of.data?.history.length === 0 && <p class="t3 sm">{w.untouched}</p>}
          <ol class="hist0">
            {(of.data?.history ?? []).map((h) => (
              <li><span class="mono t3">{moment(new Date(h.time))}</span> <StatusPill status={h.status} /> <span class="t2">{w.by(h.actor)}{h.assignee && <> → <Text v={h.assignee} /></>}</span>
                {h.note && <p><Text v={h.note} /></p>}</li>
            ))}
          </ol>
        </div>
      </div>
      <div class="fact col">
        {mayLabel() ? (
          <>
            <textarea class="in" rows={2} value={note} placeholder={w.note} aria-label={w.note} onInput={(e) => setNote(e.currentTarget.value)} />
            {wrong && note.trim() === "" && <p class="cb sm" role="alert">{w.needNote}</p>}
            <div class="acts">
              {a.status === "ALERT_STATUS_NEW" && <button type="button" class="btn pri" onClick={() => run({ status: "ALERT_STATUS_ACKNOWLEDGED", assignee: a.assignee || me }, w.acked(name))}>{w.ack}</button>}
              {a.status !== "ALERT_STATUS_CLOSED" ? <Button onClick={close}>{w.close}</Button> : <Button onClick={() => run({ status: "ALERT_STATUS_ACKNOWLEDGED" }, w.reopened(name))}>{w.reopen}</Button>}
              {a.assignee !== me && <Button onClick={() => run({ assignee: me }, w.assigned(name))}>{w.assignMe}<Key>a</Key></Button>}
              {a.assignee === me && me !== "" && <Button kind="gh" onClick={() => run({ assignee: "" }, w.released(name))}>{w.release}</Button>}
            </div>
          </>
        ) : <p class="t3 sm">{w.mayNot}</p>}
      </div>
    </aside>
  );
}
