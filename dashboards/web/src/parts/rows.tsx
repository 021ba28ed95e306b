import type { ComponentChildren } from "preact";
import { Component } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { leastWidth } from "./table/width.ts";

interface Props<R> {
  rows: readonly R[];
  height: number; // of a row, pixels
  label: string;
  id: string; // of the table; rows are ID-INDEX
  selected: number;
  columns?: string; // grid-template-columns
  head?: ComponentChildren;
  row: (r: R, i: number) => ComponentChildren;
  stamp?: string; // changes when rows look different: language, columns
  rowClass?: (r: R, i: number) => string;
  onSelect: (i: number) => void;
  onOpen?: (i: number) => void;
  onEnd?: () => void; // the last rows are near
  dim?: boolean;
  all?: number; // rows there are, if not all are loaded
}

const spare = 8; // rows drawn above and below

/**
 * Rows is a list or table of rows of one height, of which only those in sight are in
 * the document. One of them is selected; the keys of the screen move it.
 */
export function Rows<R>(p: Props<R>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, last: 40 });

  const look = () => {
    const el = box.current;
    if (!el) return;
    const first = Math.max(0, Math.floor(el.scrollTop / p.height) - spare);
    const last = Math.ceil((el.scrollTop + el.clientHeight) / p.height) + spare;
    setView((v) => (Math.abs(v.first - first) < spare / 2 && Math.abs(v.last - last) < spare / 2 && first > 0 ? v : { first, last }));
    if (p.onEnd && last + 3 * spare >= p.rows.length && p.rows.length > 0) p.onEnd();
  };
  useEffect(() => {
    const watch = new ResizeObserver(look);
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, [p.rows, p.onEnd]);
  useLayoutEffect(() => keepInSight(box.current!, p.selected, p.height), [p.selected]);

  const last = Math.min(p.rows.length, view.last);
  const drawn: ComponentChildren[] = [];
  for (let i = Math.min(view.first, Math.max(0, last - 1)); i < last; i++) {
    const r = p.rows[i]!;
    drawn.push(
      <Row key={i} id={`${p.id}-${i}`} top={i * p.height} on={i === p.selected} data={r} index={i} stamp={p.stamp ?? ""}
        more={p.rowClass?.(r, i) ?? ""} draw={p.row} />,
    );
  }
  const pick = (e: MouseEvent, f: ((i: number) => void) | undefined) => {
    const row = (e.target as Element).closest<HTMLElement>("[data-row]");
    if (row && f && !(e.target as Element).closest("button,a")) f(Number(row.dataset["row"]));
  };
  return (
    <div class={`rows${p.dim ? " dim" : ""}`} style={{ "--cols": p.columns ?? "1fr", "--least": `${leastWidth(p.columns ?? "1fr")}px` } as never} role="grid"
      aria-label={p.label} aria-rowcount={p.all ?? p.rows.length}>
      {p.head && <div class="tr th" role="row">{p.head}</div>}
      <div class="rbody" ref={box} tabIndex={0} role="rowgroup" aria-label={p.label} onScroll={look}
        onClick={(e) => pick(e, (i) => { p.onSelect(i); p.onOpen?.(i); })}>
        <div class="rspace" style={{ height: `${p.rows.length * p.height}px` }}>{drawn}</div>
      </div>
    </div>
  );
}

function keepInSight(el: HTMLElement, i: number, height: number): void {
  if (i < 0) return;
  const top = i * height;
  if (top < el.scrollTop) el.scrollTop = top;
  else if (top + height > el.scrollTop + el.clientHeight) el.scrollTop = top + height - el.clientHeight;
}

interface RowProps {
  id: string;
  top: number;
  on: boolean;
  data: unknown;
  index: number;
  stamp: string;
  more: string;
  draw: (r: never, i: number) => ComponentChildren;
}

/** Row is drawn again only when what it shows has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(n: RowProps): boolean {
    const o = this.props;
    return n.data !== o.data || n.on !== o.on || n.stamp !== o.stamp || n.more !== o.more || n.index !== o.index;
  }

  override render() {
    const p = this.props;
    return (
      <div class={`tr${p.on ? " on" : ""}${p.more ? ` ${p.more}` : ""}`} id={p.id} role="row" aria-rowindex={p.index + 1}
        aria-selected={p.on} data-row={p.index} style={{ transform: `translateY(${p.top}px)` }}>
        {p.draw(p.data as never, p.index)}
      </div>
    );
  }
}
