/** A rate of a point; without an estimate, why says what is missing. */
export interface PointRate {
  estimate?: number | null;
  lo?: number | null;
  hi?: number | null;
  n: number;
  n_labels: number;
  why: string;
}

/** What a paranoia level and a threshold would do. */
export interface Point {
  paranoia: number;
  threshold: number;
  blocked: PointRate;
  false_positive: PointRate;
  missed: PointRate;
}

/** The points of a site; paranoia and threshold are those in use now. */
export interface Curve {
  site: string;
  paranoia: number;
  threshold: number;
  n: number;
  n_requests: number;
  points: Point[];
  why?: string;
}

/** A judging of kept requests at all levels. */
export interface WhatIfJob {
  actor: string;
  start_time: string;
  end_time?: string;
  stage: string;
  done: number;
  total: number;
  curves: Curve[];
  left_out: string;
  warnings: string[];
  error: string;
}

export type Measure = "blocked" | "false_positive" | "missed";

/** One line: a level, and where its points lie; a point without an estimate breaks it. */
export interface Line {
  paranoia: number;
  points: { threshold: number; estimate: number; lo: number; hi: number; now: boolean }[];
}

/** linesOf are the lines of a measure, the level that blocks least first. */
export function linesOf(c: Curve, m: Measure): Line[] {
  const lines = new Map<number, Line>();
  for (const p of c.points) {
    const r = p[m];
    if (typeof r.estimate !== "number") continue;
    const line = lines.get(p.paranoia) ?? { paranoia: p.paranoia, points: [] };
    lines.set(p.paranoia, line);
    line.points.push({
      threshold: p.threshold, estimate: r.estimate, lo: r.lo ?? r.estimate, hi: r.hi ?? r.estimate,
      now: p.paranoia === c.paranoia && p.threshold === c.threshold,
    });
  }
  return [...lines.values()].sort((a, b) => a.paranoia - b.paranoia);
}

/** thresholdsOf are the thresholds of a curve, rising. */
export function thresholdsOf(c: Curve): number[] {
  return [...new Set(c.points.map((p) => p.threshold))].sort((a, b) => a - b);
}
