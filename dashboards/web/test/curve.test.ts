import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOf, thresholdsOf, type Curve, type PointRate } from "../src/screens/tuning/curve.ts";

const rate = (estimate?: number): PointRate => ({ n: 10, n_labels: 3, why: estimate === undefined ? "few labels" : "", ...(estimate === undefined ? {} : { estimate, lo: estimate / 2, hi: estimate * 2 }) });

test("a curve has a line a level, the point in use marked, and nothing where nothing is known", () => {
  const point = (paranoia: number, threshold: number, b: number) => ({ paranoia, threshold, blocked: rate(b), false_positive: rate(), missed: { ...rate(), estimate: null } });
  const c: Curve = { site: "shop", paranoia: 1, threshold: 5, n: 10, n_requests: 100, points: [point(2, 10, 0.3), point(1, 5, 0.1), point(1, 10, 0.05)] };
  assert.deepEqual(linesOf(c, "blocked").map((l) => [l.paranoia, l.points.map((p) => [p.threshold, p.estimate, p.now])]), [
    [1, [[5, 0.1, true], [10, 0.05, false]]], [2, [[10, 0.3, false]]],
  ]);
  assert.deepEqual(linesOf(c, "false_positive"), []);
  assert.deepEqual(linesOf(c, "missed"), []);
  assert.deepEqual(thresholdsOf(c), [5, 10]);
});
