import assert from "node:assert/strict";
import { test } from "node:test";
import { highest, within } from "../src/charts/histogram.tsx";

test("the scale holds the newest bar, whose middle may be ahead of now", () => {
  const layer = (...values: number[]) => ({ name: "n", token: "--text3", values });
  assert.equal(highest([layer(0, 1, 200), layer(0, 0, 37)], 3), 237);
  assert.equal(highest([layer(0, 0)], 2), 1);
  assert.equal(highest([], 2), 1);
});

test("no mark is cut by the right edge", () => {
  const range = { from: new Date(0), to: new Date(1000e3) };
  assert.deepEqual(within(range, 1040, [0, 500, 981, 983, 1000]), [0, 500, 981, null, null]);
  assert.deepEqual(within(range, 0, [0, 500]), [null, null]); // no room for any
});
