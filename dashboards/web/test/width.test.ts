import assert from "node:assert/strict";
import { test } from "node:test";
import { leastWidth } from "../src/parts/table/width.ts";

test("a table is no narrower than its columns, the gaps between and the room beside them", () => {
  const f = (columns: string, want: number) => assert.equal(leastWidth(columns), want);
  f("80px", 104);
  f("80px minmax(160px,1fr) minmax(90px, .5fr)", 80 + 160 + 90 + 20 + 24);
  f("1fr", 0); // a list fits any width
});
