/** leastWidth is how narrow columns can be drawn, with the gaps between and the room beside them, in pixels: a table that has less scrolls sideways. */
export function leastWidth(columns: string): number {
  const all = columns.match(/[^\s(]+\([^)]*\)|[^\s]+/g) ?? [];
  const sum = all.reduce((n, c) => n + Number(/(\d+)px/.exec(c)?.[1] ?? 0), 0);
  return sum === 0 ? 0 : sum + 10 * (all.length - 1) + 24;
}
