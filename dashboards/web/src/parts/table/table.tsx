import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { View, type Shown } from "./view.ts";
import { leastWidth } from "./width.ts";

interface Props<R> extends Shown<R> {
  height: number; // of a row, pixels
  id: string; // of the table; rows are ID-INDEX
  label: string;
  head: ComponentChildren;
  dim?: boolean;
  all?: number; // rows there are, if not all are loaded
}

/**
 * Table shows very many rows of one line, of which those in sight are in the document.
 * One of them is selected; the keys of the screen move it.
 */
export function Table<R>(p: Props<R>) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<View<R>>(undefined);
  useLayoutEffect(() => {
    const v = new View<R>(box.current!, p.height, p.id);
    view.current = v;
    return () => v.end();
  }, []);
  useLayoutEffect(() => view.current!.show(p));
  const columns = p.columns.map((c) => c.width).join(" ");
  return (
    <div class={`rows${p.dim ? " dim" : ""}`} style={{ "--cols": columns, "--least": `${leastWidth(columns)}px` } as never} role="grid"
      aria-label={p.label} aria-rowcount={p.all ?? p.rows.length}>
      <div class="tr th" role="row">{p.head}</div>
      <div class="rbody" ref={box} tabIndex={0} role="rowgroup" aria-label={p.label} />
    </div>
  );
}
