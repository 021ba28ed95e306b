import { render } from "preact";
import { plain } from "../hostile.ts";
import { Icon, type IconName } from "../icon.tsx";
import { Text, type Span } from "../text.tsx";

/** A run of text in a cell, of one look. */
export interface Run {
  text: string;
  look?: string; // classes
  marks?: Span[]; // parts that stand out
}

/** Cell is what a cell of a table shows, in one line. */
export interface Cell {
  look?: string; // classes
  icon?: { name: IconName; tone: string };
  runs: Run[];
}

const none: Run = { text: "" };

/**
 * CellView draws one cell after the other into the same element. Most are one plain
 * text, which is one text node of the element itself: anything more costs layout.
 */
export class CellView {
  readonly el = document.createElement("span");
  private readonly base: string;
  private readonly text = document.createTextNode("");
  private rich: RichLine | undefined; // what stands in the element instead of the text
  private look = "";

  constructor(base: string) {
    this.base = base;
    this.el.className = base;
    this.el.setAttribute("role", "gridcell");
    this.el.append(this.text);
  }

  show(c: Cell): void {
    const look = c.look ?? "";
    if (look !== this.look) {
      this.look = look;
      this.el.className = look === "" ? this.base : `${this.base} ${look}`;
    }
    const [only] = c.runs;
    if (c.runs.length === 1 && !c.icon && !only!.look && !isRich(only!)) {
      if (this.rich) {
        this.rich.end();
        this.rich = undefined;
        this.el.prepend(this.text);
      }
      if (this.text.data !== only!.text) this.text.data = only!.text;
      return;
    }
    if (!this.rich) {
      this.rich = new RichLine();
      this.text.replaceWith(this.rich.el);
    }
    this.rich.show(c);
  }
}

/** isRich is whether a text needs more than a text node. */
function isRich(r: Run): boolean {
  return (r.marks !== undefined && r.marks.length > 0) || !plain(r.text);
}

/** RichLine is a line of an icon and several runs. */
class RichLine {
  readonly el = document.createElement("span");
  private readonly runs: RunView[] = [];
  private mark: HTMLElement | undefined;
  private icon = "";

  show(c: Cell): void {
    this.showIcon(c.icon);
    for (let i = 0; i < Math.max(c.runs.length, this.runs.length); i++) {
      let run = this.runs[i];
      if (!run) {
        run = new RunView();
        this.runs.push(run);
        this.el.append(run.el);
      }
      run.show(c.runs[i] ?? none);
    }
  }

  end(): void {
    for (const r of this.runs) r.show(none);
    this.showIcon(undefined);
    this.el.remove();
  }

  private showIcon(icon: Cell["icon"]): void {
    const key = icon ? `${icon.name} ${icon.tone}` : "";
    if (key === this.icon) return;
    this.icon = key;
    if (!this.mark) {
      this.mark = document.createElement("span");
      this.el.prepend(this.mark);
    }
    render(icon ? <><Icon name={icon.name} small tone={icon.tone} /> </> : null, this.mark);
  }
}

/** RunView puts text into one text node; what would hide or act, and marks, as Text does. */
class RunView {
  readonly el = document.createElement("span");
  private readonly text = document.createTextNode("");
  private look = "";
  private rich = false;

  constructor() {
    this.el.append(this.text);
  }

  show(r: Run): void {
    const look = r.look ?? "";
    if (look !== this.look) this.el.className = this.look = look;
    const rich = isRich(r);
    if (this.rich && !rich) {
      render(null, this.el);
      this.el.replaceChildren(this.text);
    }
    if (rich) {
      if (!this.rich) this.el.replaceChildren();
      render(<Text v={r.text} marks={r.marks} />, this.el);
    } else if (this.text.data !== r.text) {
      this.text.data = r.text;
    }
    this.rich = rich;
  }
}
