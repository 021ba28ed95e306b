import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Menu opens something under a button; Escape and a click elsewhere close it. */
export function Menu({ face, label, wide, side = "right", children }: {
  face: ComponentChildren; label: string; wide?: number; side?: "left" | "right"; children: (close: () => void) => ComponentChildren;
}) {
  const [open, set] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (e: Event) => !box.current?.contains(e.target as Node) && set(false);
    const escape = (e: KeyboardEvent) => {
      if (e.code !== "Escape") return;
      e.preventDefault();
      set(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", away, true);
    addEventListener("keydown", escape, true);
    return () => {
      removeEventListener("pointerdown", away, true);
      removeEventListener("keydown", escape, true);
    };
  }, [open]);
  return (
    <div class="menu" ref={box}>
      <button type="button" class="btn" aria-haspopup="dialog" aria-expanded={open} title={label} onClick={() => set(!open)}>{face}</button>
      {open && (
        <div class={`pop ${side}`} role="dialog" aria-label={label} style={wide ? { width: `${wide}px` } : {}}>
          {children(() => set(false))}
        </div>
      )}
    </div>
  );
}
