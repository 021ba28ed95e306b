import type { ComponentChildren } from "preact";

/** Panel is a card with a heading. */
export function Panel({ title, note, side, children, area }: {
  title: string; note?: ComponentChildren; side?: ComponentChildren; children: ComponentChildren; area: string;
}) {
  return (
    <section class={`p ${area}`} aria-label={title}>
      <div class="ph"><h2>{title}</h2>{note && <span class="t3">{note}</span>}<span class="sp" />{side}</div>
      {children}
    </section>
  );
}
