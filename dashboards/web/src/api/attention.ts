/** How long after the last touch calls are still made for somebody. */
export const attentionMs = 30_000;

let touched = Date.now(); // a page is opened by somebody

/** touch notes that somebody is there. */
export function touch(now = Date.now()): void {
  touched = now;
}

/** attended is whether somebody has touched the page lately; refreshes go on without anyone. */
export function attended(now = Date.now()): boolean {
  return now - touched < attentionMs;
}

/** startAttention watches for hands: keys, pointer, wheel. */
export function startAttention(): void {
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
    addEventListener(kind, () => touch(), { capture: true, passive: true });
  }
}
