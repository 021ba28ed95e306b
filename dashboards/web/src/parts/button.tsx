import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface Props {
  children?: ComponentChildren;
  icon?: IconName;
  kind?: "pri" | "gh";
  onClick: () => void;
  disabled?: boolean;
  title?: string | undefined;
  pressed?: boolean;
  expanded?: boolean;
}

/** Button has a word, and an icon before it if that helps. */
export function Button({ children, icon, kind, onClick, disabled, title, pressed, expanded }: Props) {
  return (
    <button type="button" class={`btn${kind ? ` ${kind}` : ""}`} disabled={disabled} title={title}
      aria-pressed={pressed} aria-expanded={expanded} onClick={onClick}>
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

/** IconButton has no word: its label is told and shown on hover. */
export function IconButton({ icon, label, onClick, pressed, small, disabled }: {
  icon: IconName; label: string; onClick: () => void; pressed?: boolean; small?: boolean; disabled?: boolean;
}) {
  return (
    <button type="button" class="btn gh ib" aria-label={label} title={label} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <Icon name={icon} small={small ?? false} />
    </button>
  );
}

/** Key is a key cap. */
export function Key({ children }: { children: ComponentChildren }) {
  return <kbd aria-hidden="true">{children}</kbd>;
}
