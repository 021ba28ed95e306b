import { useEffect, useState } from "preact/hooks";
import { get, post, Refusal } from "../../api/client.ts";
import { mayRoll } from "../../api/session.ts";
import type { Notifications } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { Button } from "../../parts/button.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Pill } from "../../parts/pill.tsx";
import { Answered, Empty, reasonOf } from "../../parts/states.tsx";
import { Text } from "../../parts/text.tsx";
import { useRange } from "../../shell/range.ts";
import { tell } from "../../shell/undo.ts";
import { RuleName } from "../../sigma/name.tsx";
import { ago } from "../../words/ago.ts";
import { count, moment } from "../../words/format.ts";
import { deliveryOf, type Delivery } from "./deliverystate.ts";
import { deliveryWords } from "./deliverywords.ts";

const every = 10_000;
const unimplemented = 501;

/** DeliveryView says how the webhook does that is told of findings. */
export function DeliveryView() {
  const { tick } = useRange();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const t = setInterval(() => { if (!document.hidden) setTurn((n) => n + 1); }, every);
    return () => clearInterval(t);
  }, []);
  const of = useAnswer(`notifications ${tick} ${turn}`, (s) => get<Notifications>("/api/v1/notifications", {}, s));
  if (of.error?.status === unimplemented) return <Empty>{deliveryWords().noNotifier}</Empty>;
  return <Answered of={of} rows={8} height={32}>{(n) => <Webhook n={n} changed={() => setTurn(turn + 1)} />}</Answered>;
}

function Webhook({ n, changed }: { n: Notifications; changed: () => void }) {
  const w = deliveryWords();
  if (!n.enabled) {
    return (
      <Panel title={w.title} area="fit">
        <div class="empty"><p>{w.off}</p><pre lang="en" tabIndex={0}>{"notify:\n  url: https://hooks.example.com/gatewatch\n  secret_file: notify.secret"}</pre><p class="t3 sm">{w.offThen}</p></div>
      </Panel>
    );
  }
  const figures: [string, string, number, string][] = [
    [w.pending, w.pendingTold, n.pending, n.last_error && n.pending > 0 ? "cf" : ""], [w.held, w.heldTold, n.held, ""],
    [w.delivered, w.deliveredTold, n.delivered, ""], [w.dead, w.deadTold, n.dead, n.dead > 0 ? "cb" : ""],
  ];
  return (
    <>
      <Panel title={w.title} note={<StatePill of={deliveryOf(n)} />} side={<Test changed={changed} />} area="fit">
        <dl class="dv">
          <div><dt>{w.receiver}</dt><dd class="mono"><Text v={n.host} /></dd></div>
          <div><dt>{w.signed}</dt><dd>{w.secrets(n.secrets)}</dd></div>
          <div><dt>{w.last}</dt><dd>{n.last_delivery_time ? ago(new Date(n.last_delivery_time)) : w.never}</dd></div>
          {figures.map(([name, told, x, tone]) => <div><dt title={told}>{name}</dt><dd class={`fig ${tone}`}>{count(x)}</dd><dd class="t3 sm">{told}</dd></div>)}
        </dl>
        {n.last_error && n.pending > 0 && <p class="dve" role="status"><span class="t2">{w.lastError}</span> <span class="mono" lang="en"><Text v={n.last_error} /></span></p>}
      </Panel>
      <Panel title={w.list} area="fit">
        {n.dead_notifications.length === 0 ? <Empty>{w.none}</Empty> : (
          <div class="scroll"><table class="grid">
            <thead><tr><th>{w.when}</th><th>{w.kind}</th><th>{w.about}</th><th class="num">{w.tries}</th><th class="w">{w.why}</th></tr></thead>
            <tbody>{n.dead_notifications.map((d) => (
              <tr>
                <td class="mono t2">{d.end_time ? moment(new Date(d.end_time)) : "–"}</td>
                <td>{d.kind === "digest" ? w.digest : w.finding}</td>
                <td><RuleName v={d.rule_name || d.rule_id || "–"} /></td>
                <td class="num">{count(d.tries)}</td>
                <td class="w mono" title={d.error} lang="en"><Text v={d.error} /></td>
              </tr>
            ))}</tbody>
          </table></div>
        )}
      </Panel>
    </>
  );
}

function StatePill({ of }: { of: Delivery }) {
  const w = deliveryWords();
  switch (of) {
    case "retrying": return <Pill tone="f" icon="g-fp">{w.retrying}</Pill>;
    case "waiting": return <Pill tone="n" icon="clock">{w.waiting}</Pill>;
    case "allLost": return <Pill tone="b" icon="x">{w.allLost}</Pill>;
    case "someLost": return <Pill tone="f" icon="g-fp">{w.someLost}</Pill>;
    case "works": return <Pill tone="a" icon="check">{w.works}</Pill>;
  }
  return <Pill tone="n">{w.idle}</Pill>;
}

/** Test sends a test message, and says what the receiver made of it. */
function Test({ changed }: { changed: () => void }) {
  const w = deliveryWords();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const { id } = await post<{ id: string }>("/api/v1/notifications:test", {});
      tell({ said: w.took(id) });
    } catch (e) {
      // What the receiver answered comes as a refusal by the server.
      tell({ said: w.notTaken(e instanceof Refusal ? e.message || reasonOf(e) : String(e)), failed: true });
    }
    setBusy(false);
    changed();
  };
  return <Button icon="bell" disabled={!mayRoll() || busy} title={mayRoll() ? w.testHint : w.onlyAdmin} onClick={() => void run()}>{busy ? w.sending : w.test}</Button>;
}
