/** Bar fills a share of its track. */
export function Bar({ share, tone = "n" }: { share: number; tone?: string }) {
  return (
    <span class={`bar c-${tone}`} aria-hidden="true">
      <i style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }} />
    </span>
  );
}
