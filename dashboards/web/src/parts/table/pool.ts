import { CellView, type Cell } from "./cell.tsx";

/** What a pool draws. */
export interface Drawn<R> {
  rows: readonly R[];
  cells: ((r: R) => Cell)[]; // one a column
  looks: string[]; // classes of the cells, one a column
  stamp: string; // changes when rows look different: language, columns
  selected: number;
}

const spare = 6; // rows drawn above and below those in sight
const aFrame = 16; // rows that are filled at most while scrolling, the others one frame later

/**
 * Pool keeps as many rows as are in sight, and gives the one that leaves to the row
 * that comes: scrolling makes no elements and changes texts in place. It never reads
 * the layout.
 */
export class Pool<R> {
  private readonly views = new Map<number, RowView>(); // by the index of the row
  private readonly of = new WeakMap<Element, RowView>();
  private free: RowView[] = [];
  private made = "";
  private now: Drawn<R> = { rows: [], cells: [], looks: [], stamp: "", selected: -1 };
  private readonly box: HTMLElement;
  private readonly height: number;
  private readonly id: string;

  constructor(box: HTMLElement, height: number, id: string) {
    this.box = box;
    this.height = height;
    this.id = id;
  }

  /** update takes what is drawn from now on. */
  update(d: Drawn<R>): void {
    const looks = d.looks.join();
    if (looks !== this.made) {
      this.made = looks;
      this.box.replaceChildren();
      this.views.clear();
      this.free = [];
    }
    this.now = d;
  }

  /**
   * scroll draws the rows that are in sight at a place, both in pixels, then some before
   * and after them. It gives whether rows are left for the next frame, if it may.
   */
  scroll(top: number, sight: number, mayLeave: boolean): boolean {
    const all = this.now.rows.length;
    const [first, last] = [Math.floor(top / this.height), Math.ceil((top + sight) / this.height)];
    const [from, to] = [Math.max(0, first - spare), Math.min(all, last + spare)];
    for (const [i, v] of this.views) {
      if (i >= from && i < to) continue;
      this.views.delete(i);
      this.free.push(v);
    }
    let left = mayLeave ? aFrame : Infinity;
    const draw = (i: number) => {
      if (left > 0 && this.draw(i)) left--;
    };
    for (let i = Math.max(0, first); i < Math.min(all, last); i++) draw(i);
    for (let k = 0; k < spare; k++) {
      if (last + k < to) draw(last + k);
      if (first - 1 - k >= from) draw(first - 1 - k);
    }
    for (const v of this.free) v.hide();
    return left <= 0;
  }

  /** rowOf gives the row of an element within, -1 if it is of none. */
  rowOf(el: Element): number {
    const row = el.closest(".tr");
    return (row && this.of.get(row)?.index) ?? -1;
  }

  /** has is whether a row is drawn. */
  has(i: number): boolean {
    return this.views.has(i);
  }

  /** cellsOf gives the elements of a row's cells, if it is drawn. */
  cellsOf(i: number): HTMLElement[] {
    return this.views.get(i)?.cells.map((c) => c.el) ?? [];
  }

  /** draw puts a row into the document, and gives whether that took filling one. */
  private draw(i: number): boolean {
    let v = this.views.get(i);
    if (!v) {
      v = this.free.pop() ?? this.make();
      this.views.set(i, v);
      v.place(i, i * this.height, `${this.id}-${i}`);
    }
    v.choose(i === this.now.selected);
    const r = this.now.rows[i]!;
    if (v.shown === r && v.stamp === this.now.stamp) return false;
    v.shown = r;
    v.stamp = this.now.stamp;
    v.cells.forEach((c, k) => c.show(this.now.cells[k]!(r)));
    return true;
  }

  private make(): RowView {
    const v = new RowView(this.now.looks);
    this.of.set(v.el, v);
    this.box.append(v.el);
    return v;
  }
}

class RowView {
  readonly el = document.createElement("div");
  readonly cells: CellView[];
  shown: unknown;
  stamp = "";
  index = -1;
  private hidden = false;
  private chosen = false;

  constructor(looks: string[]) {
    this.el.className = "tr";
    this.el.setAttribute("role", "row");
    this.el.setAttribute("aria-selected", "false");
    this.cells = looks.map((look) => new CellView(look));
    this.el.append(...this.cells.map((c) => c.el));
  }

  place(i: number, top: number, id: string): void {
    this.index = i;
    this.el.id = id;
    this.el.setAttribute("aria-rowindex", String(i + 1));
    this.el.style.top = `${top}px`;
    if (this.hidden) this.el.style.display = "";
    this.hidden = false;
  }

  hide(): void {
    if (this.hidden) return;
    this.hidden = true;
    this.el.style.display = "none";
    this.el.removeAttribute("id");
  }

  choose(on: boolean): void {
    if (on === this.chosen) return;
    this.chosen = on;
    this.el.classList.toggle("on", on);
    this.el.setAttribute("aria-selected", String(on));
  }
}
