import assert from "node:assert/strict";
import { test } from "node:test";
import { highest } from "../src/charts/histogram.tsx";

test("the scale holds the newest bar, whose middle may be ahead of now", () => {
  const layer = (...values: number[]) => ({ name: "n", token: "--text3", values });
  assert.equal(highest([layer(0, 1, 200), layer(0, 0, 37)], 3), 237);
  assert.equal(highest([layer(0, 0)], 2), 1);
  assert.equal(highest([], 2), 1);
});
