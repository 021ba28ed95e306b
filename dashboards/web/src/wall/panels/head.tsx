import type { ComponentChildren } from "preact";

/** Head is the heading of a panel and a note at its right. */
export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  return <h2>{title}<span>{children}</span></h2>;
}
