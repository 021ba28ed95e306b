const kept = "gw.queries";
const most = 50;

/** queries are those that were asked, the newest first. */
export function queries(): string[] {
  try {
    const all: unknown = JSON.parse(localStorage.getItem(kept) ?? "[]");
    return Array.isArray(all) ? all.filter((x) => typeof x === "string") : [];
  } catch {
    return [];
  }
}

/** remember puts a query first. */
export function remember(q: string): void {
  const s = q.trim();
  if (s === "") return;
  localStorage.setItem(kept, JSON.stringify([s, ...queries().filter((x) => x !== s)].slice(0, most)));
}
