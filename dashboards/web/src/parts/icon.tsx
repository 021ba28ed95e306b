export type IconName =
  | "overview" | "search" | "decide" | "finding" | "rule" | "tune" | "node" | "wall" | "report" | "clock" | "chev"
  | "right" | "left" | "x" | "check" | "copy" | "link" | "plus" | "minus" | "filter" | "more" | "play" | "pause"
  | "export" | "globe" | "theme" | "user" | "bell" | "save" | "undo" | "lock" | "drag"
  | "g-blocked" | "g-allowed" | "g-fp" | "g-missed";

/** Icon is a symbol of the sprite; it says nothing to screen readers, its button does. */
export function Icon({ name, small, tone }: { name: IconName; small?: boolean; tone?: string }) {
  return (
    <svg class={`i${small ? " s" : ""}${tone ? ` c-${tone}` : ""}`} viewBox="0 0 16 16" aria-hidden="true">
      <use href={`${ICONS}#i-${name}`} />
    </svg>
  );
}
