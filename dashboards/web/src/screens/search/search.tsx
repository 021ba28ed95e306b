import { useMemo, useRef, useState } from "preact/hooks";
import { get, post } from "../../api/client.ts";
import { str } from "../../api/event.ts";
import type { Event, Events, Fields, Table, Value } from "../../api/types.ts";
import { useAnswer } from "../../api/use.ts";
import { bucketsOf } from "../../charts/buckets.ts";
import { SendLogs } from "../../parts/first.tsx";
import { Empty, Failed, Skeleton, Stale } from "../../parts/states.tsx";
import { Button } from "../../parts/button.tsx";
import { QueryBar } from "../../query/bar.tsx";
import { narrow, quote } from "../../query/edit.ts";
import { filterOf, makesTable, wordsOf } from "../../query/lex.ts";
import { useKeys } from "../../shell/keys.ts";
import { useRange, zoomOut } from "../../shell/range.ts";
import { TopBar } from "../../shell/topbar.tsx";
import { bucketOf, grainOf } from "../../time/range.ts";
import { FieldList } from "./fieldlist.tsx";
import { Flyout } from "./flyout.tsx";
import { Head } from "./head.tsx";
import { useLive } from "./live.ts";
import { usePages } from "./pages.ts";
import { fieldOf, setBrush, setOpen, setQuery, useSearchState } from "./state.ts";
import { EventTable } from "./table.tsx";
import { Toolbar } from "./toolbar.tsx";
import { Answer } from "./answer.tsx";
import { searchWords } from "./words.ts";

/** Search finds events: query, histogram, fields, table, one event. */
export function Search() {
  const w = searchWords();
  const { range, tick } = useRange();
  const { q, split, brush, open } = useSearchState();
  const [live, setLive] = useState(false);
  const [selected, select] = useState(-1);
  const [listed, setListed] = useState(false); // of a narrow window, where fields are over the table
  const over = useRef(false);
  const filter = filterOf(q);
  const table = makesTable(q);
  const from = range.from.toISOString();
  const to = range.to.toISOString();
  const part = brush ? { from: brush.from.toISOString(), to: brush.to.toISOString() } : { from, to };
  const bucket = bucketOf(range, 120);

  const pages = usePages(`${q} ${part.from} ${part.to} ${tick}`, table ? undefined : { query: q, ...part });
  const counts = useAnswer(`${filter} ${from} ${to} ${split} ${tick}`, (s) => post<Table>("/api/v1/aggregate", {
    query: `${filter || "*"} | stats n = count() by b = bucket(@timestamp, ${bucket}s), ${fieldOf(split)}`, from, to,
  }, s).then((t) => ({ buckets: bucketsOf(t, range, bucket), stats: t.stats, bucket, range })));
  const fields = useAnswer(`${filter} ${from} ${to} ${tick}`, (s) => get<Fields>("/api/v1/fields", { query: filter, from, to, top: 10, page_size: 200 }, s));
  const linked = useAnswer(open ? `${open.id} ${open.source}` : undefined, (s) => find(open!, range, s));
  const tail = useLive(live && !table, filter, () => over.current || selected >= 0);

  const events = useMemo(() => (tail.shown.length > 0 ? tail.shown.concat(pages.events) : pages.events), [tail.shown, pages.events]);
  const marked = useMemo(() => wordsOf(q), [q]);
  const shown = open ? events.find((e) => str(e, "event.id") === open.id) ?? linked.data ?? undefined : undefined;
  const at = shown ? events.indexOf(shown) : selected;
  const pick = (i: number) => {
    if (i < 0 || i >= events.length) return;
    select(i);
    setOpen({ id: str(events[i]!, "event.id"), source: str(events[i]!, "gatewatch.source") });
  };
  const close = () => {
    setOpen(undefined);
    select(-1);
  };
  const onFilter = (name: string, v: Value, not: boolean) => setQuery(narrow(q, name, v, not));
  useKeys(() => w.title, [
    { code: "KeyJ", what: () => w.next, run: () => (shown ? pick(at + 1) : select(Math.min(events.length - 1, selected + 1))) },
    { code: "KeyK", what: () => w.before, run: () => (shown ? pick(at - 1) : select(Math.max(0, selected - 1))) },
    { code: "Enter", what: () => w.open, run: () => pick(at) },
    { code: "Escape", what: () => (shown ? w.close : w.clear), run: () => (shown ? close() : listed ? setListed(false) : brush ? setBrush(undefined) : select(-1)) },
    { code: "KeyL", what: () => w.toggleLive, run: () => setLive(!live) },
  ]);
  const error = pages.error ?? counts.error;
  const wrong = error?.status === 400 && error.column > 0 ? error : undefined;
  return (
    <>
      <TopBar title={w.title}>
        <QueryBar value={q} fields={fields.data?.fields ?? []} error={wrong} busy={pages.busy || counts.busy}
          onAsk={setQuery} onCancel={() => { pages.cancel(); counts.cancel(); }} />
      </TopBar>
      <main class={`se${shown ? " with" : ""}${listed ? " listed" : ""}`} id="main" tabIndex={-1}>
        <Head of={counts} split={split} brush={brush} stats={pages.stats} more={live ? tail.shown.length : 0} />
        <FieldList of={fields} onFilter={onFilter} />
        <section class="tb" onMouseEnter={() => { over.current = true; }} onMouseLeave={() => { over.current = false; }}>
          <Toolbar listed={listed} setListed={setListed} q={q} part={part} live={live} setLive={setLive} tail={tail} table={table} />
          {table ? <Answer q={q} from={part.from} to={part.to} tick={tick} /> : (
            <>
              {pages.error && !wrong && pages.events.length > 0 && <Stale error={pages.error} fresh={pages.fresh} retry={pages.retry} />}
              {pages.error && !wrong && pages.events.length === 0 ? <Failed error={pages.error} retry={pages.retry} />
                : pages.busy && pages.events.length === 0 && !pages.fresh ? <Skeleton rows={24} />
                : events.length === 0 && !pages.busy && !wrong ? <Nothing q={q} brushed={brush !== undefined} widen={() => zoomOut(range)} />
                : <EventTable events={events} words={marked} grain={grainOf(range)} selected={at} dim={pages.busy} all={pages.more ? -1 : events.length}
                    onSelect={pick} onEnd={pages.next} onFilter={onFilter} />}
            </>
          )}
        </section>
        {shown && <Flyout key={str(shown, "event.id")} event={shown} onClose={close} onFilter={onFilter} />}
      </main>
    </>
  );
}

/** find reads the event of a permalink. */
async function find(e: { id: string; source: string }, range: { from: Date; to: Date }, signal: AbortSignal): Promise<Event | null> {
  const source = e.source ? ` and gatewatch.source: ${quote(e.source)}` : "";
  const answer = await post<Events>("/api/v1/search", {
    query: `event.id: ${quote(e.id)}${source}`, from: range.from.toISOString(), to: range.to.toISOString(), page_size: 1,
  }, signal);
  return answer.events[0] ?? null;
}

function Nothing({ q, brushed, widen }: { q: string; brushed: boolean; widen: () => void }) {
  const w = searchWords();
  if (brushed) return <Empty act={<Button onClick={() => setBrush(undefined)}>{w.clear}</Button>}>{w.noneBrush}</Empty>;
  const shorter = q.replace(/\s+and\s+(?:not\s+)?[^\s]+\s*:?\s*("[^"]*"|[^\s]*)$/i, "");
  return (
    <Empty act={<>
      <Button onClick={widen}>{w.widen}</Button>
      {q.trim() !== "" && <Button onClick={() => setQuery(shorter === q ? "" : shorter)}>{w.dropLast}</Button>}
      {q.trim() === "" && <a class="btn" href="/nodes">{w.toNodes}</a>}
    </>}>{q.trim() === "" ? <>{w.empty} <SendLogs /></> : w.none}</Empty>
  );
}
