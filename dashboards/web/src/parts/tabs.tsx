import type { ComponentChildren } from "preact";

interface Props<T extends string> {
  label: string;
  value: T;
  options: { key: T; text: ComponentChildren }[];
  onChange: (v: T) => void;
}

function arrows<T extends string>({ value, options, onChange }: Props<T>) {
  return (e: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!by) return;
    e.preventDefault();
    const i = options.findIndex((o) => o.key === value);
    const next = options[(i + by + options.length) % options.length]!;
    onChange(next.key);
    const all = (e.currentTarget as HTMLElement).children;
    (all[options.indexOf(next)] as HTMLElement).focus();
  };
}

/** Tabs underline the one that is shown. */
export function Tabs<T extends string>(p: Props<T>) {
  return (
    <div class="tabs" role="tablist" aria-label={p.label} onKeyDown={arrows(p)}>
      {p.options.map((o) => (
        <button type="button" role="tab" aria-selected={o.key === p.value} tabIndex={o.key === p.value ? 0 : -1}
          class={o.key === p.value ? "on" : ""} onClick={() => p.onChange(o.key)}>{o.text}</button>
      ))}
    </div>
  );
}

/** Segment is a choice of a few, side by side. */
export function Segment<T extends string>(p: Props<T>) {
  return (
    <div class="seg" role="radiogroup" aria-label={p.label} onKeyDown={arrows(p)}>
      {p.options.map((o) => (
        <button type="button" role="radio" aria-checked={o.key === p.value} tabIndex={o.key === p.value ? 0 : -1}
          class={o.key === p.value ? "on" : ""} onClick={() => p.onChange(o.key)}>{o.text}</button>
      ))}
    </div>
  );
}
