import type { ComponentChildren } from "preact";
import { render } from "preact";
import type { Cell } from "./cell.tsx";
import { Pool } from "./pool.ts";

/** A column of a table. */
export interface TableColumn<R> {
  width: string; // of grid-template-columns
  right?: boolean;
  cell: (r: R) => Cell;
}

/** What a view shows. */
export interface Shown<R> {
  rows: readonly R[];
  columns: TableColumn<R>[];
  selected: number;
  stamp: string; // changes when rows look different: language, columns, marks
  tools?: (r: R, column: number) => ComponentChildren; // in the cells of the row under the pointer and of the selected one
  onSelect: (i: number) => void;
  onEnd?: () => void; // the last rows are near
}

const near = 500; // rows before the end at which more are asked for

/** View draws the rows of a scrolling box and listens to it. */
export class View<R> {
  private readonly space = document.createElement("div");
  private readonly pool: Pool<R>;
  private readonly watch: ResizeObserver;
  private readonly box: HTMLElement;
  private readonly height: number;
  private readonly equipped = new Map<number, HTMLElement[]>();
  private now: Shown<R> | undefined;
  private top = 0;
  private sight = 0; // pixels
  private later = 0; // the frame that draws what was left
  private pointed = -1; // the row under the pointer

  constructor(box: HTMLElement, height: number, id: string) {
    this.box = box;
    this.height = height;
    this.space.className = "rspace";
    box.append(this.space);
    this.pool = new Pool(this.space, height, id);
    this.sight = box.clientHeight;
    this.watch = new ResizeObserver((all) => {
      this.sight = all[0]!.contentRect.height;
      this.draw();
    });
    this.watch.observe(box);
    box.addEventListener("scroll", () => {
      this.top = box.scrollTop;
      this.draw(true);
    }, { passive: true });
    // Not mouseover, which rows that scroll past a still pointer send too.
    box.addEventListener("mousemove", (e) => this.point(this.pool.rowOf(e.target as Element)));
    box.addEventListener("mouseleave", () => this.point(-1));
    box.addEventListener("click", (e) => {
      const el = e.target as Element;
      const i = this.pool.rowOf(el);
      if (i >= 0 && !el.closest("button,a")) this.now?.onSelect(i);
    });
  }

  end(): void {
    this.watch.disconnect();
    cancelAnimationFrame(this.later);
    for (const i of [...this.equipped.keys()]) this.strip(i);
  }

  show(s: Shown<R>): void {
    const was = this.now;
    this.now = s;
    if (s.rows.length !== was?.rows.length) this.space.style.height = `${s.rows.length * this.height}px`;
    for (const i of [...this.equipped.keys()]) if (s.stamp !== was?.stamp || s.rows[i] !== was.rows[i]) this.strip(i);
    this.pool.update({
      rows: s.rows, cells: s.columns.map((c) => c.cell), looks: s.columns.map((c) => `cell${c.right ? " num" : ""}`), stamp: s.stamp, selected: s.selected,
    });
    if (s.selected !== was?.selected) this.reveal(s.selected);
    this.draw();
  }

  private reveal(i: number): void {
    if (i < 0) return;
    const top = i * this.height;
    if (top < this.top) this.top = top;
    else if (top + this.height > this.top + this.sight) this.top = top + this.height - this.sight;
    else return;
    this.box.scrollTop = this.top;
  }

  private point(i: number): void {
    if (i === this.pointed) return;
    this.pointed = i;
    this.equip();
  }

  private draw(scrolling = false): void {
    const s = this.now;
    if (!s) return;
    cancelAnimationFrame(this.later);
    if (this.pool.scroll(this.top, this.sight, scrolling)) this.afterFrame(() => this.draw(true));
    this.equip();
    if (s.onEnd && s.rows.length > 0 && (this.top + this.sight) / this.height + near >= s.rows.length) s.onEnd();
  }

  /** afterFrame does something in the next frame: what is asked for while scrolling would come in the same one. */
  private afterFrame(f: () => void): void {
    this.later = requestAnimationFrame(() => {
      this.later = requestAnimationFrame(f);
    });
  }

  /** equip puts the tools into the rows that have them, and takes them out of others. */
  private equip(): void {
    const { tools, rows, selected } = this.now!;
    if (!tools) return;
    const want = [this.pointed, selected].filter((i) => i >= 0 && i < rows.length);
    for (const i of [...this.equipped.keys()]) if (!want.includes(i) || !this.pool.has(i)) this.strip(i);
    for (const i of want) {
      if (this.equipped.has(i)) continue;
      const cells = this.pool.cellsOf(i);
      if (cells.length === 0) continue;
      const hosts: HTMLElement[] = [];
      cells.forEach((cell, k) => {
        const made = tools(rows[i]!, k);
        if (!made) return;
        const host = document.createElement("span");
        host.className = "hov";
        render(made, host);
        cell.append(host);
        hosts.push(host);
      });
      this.equipped.set(i, hosts);
    }
  }

  private strip(i: number): void {
    for (const host of this.equipped.get(i) ?? []) {
      render(null, host);
      host.remove();
    }
    this.equipped.delete(i);
  }
}
