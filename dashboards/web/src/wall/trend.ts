import type { ScreenState } from "./state.ts";

/** Minutes of a step of the trend. */
export const step = 5;
const day = 24 * 3600e3;

/** The curves of a day, each as points of its x from 0 to 1 and requests a minute. */
export interface Curves {
  allowed: [number, number][];
  all: [number, number][]; // blocked on top of allowed
  before: [number, number][]; // of yesterday, from now on
  top: number; // a round number of requests a minute that is over all
}

/**
 * curves of today, and of what is left of it yesterday. The step of now is not over, and
 * left out; so is what lies before the first request there ever was.
 */
export function curves(s: ScreenState): Curves {
  const [begin, now] = [new Date(s.day_start).getTime(), new Date(s.time).getTime()];
  const at = new Map((s.trend ?? []).map((p) => [new Date(p.time).getTime(), p]));
  const c: Curves = { allowed: [], all: [], before: [], top: 1 };
  const ms = step * 60e3;
  let seen = (s.trend ?? []).some((p) => new Date(p.time).getTime() < begin);
  for (let t = begin; t < begin + day; t += ms) {
    const today = t + ms <= now;
    const p = at.get(today ? t : t - day);
    const x = (t - begin + ms / 2) / day;
    seen ||= today && p !== undefined;
    const [allowed, blocked] = [(p?.allowed ?? 0) / step, (p?.blocked ?? 0) / step];
    if (today && seen) {
      c.allowed.push([x, allowed]);
      c.all.push([x, allowed + blocked]);
    } else if (!today && p) c.before.push([x, allowed + blocked]);
  }
  c.top = roundUp(Math.max(1, ...c.all.map((p) => p[1]), ...c.before.map((p) => p[1])));
  return c;
}

/**
 * wholeMinutes is how many of the minutes before that of now were counted from their
 * beginning to their end: none of before the counting began.
 */
export function wholeMinutes(s: ScreenState): number {
  const from = new Date(s.counted_from ?? 0).getTime();
  return Math.max(0, Math.min(59, Math.floor(new Date(s.time).getTime() / 60e3) - Math.ceil(from / 60e3)));
}

/** roundUp is the next number that reads well and whose half does too. */
export function roundUp(x: number): number {
  const unit = 10 ** Math.floor(Math.log10(x));
  return [1, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].map((m) => m * unit).find((m) => m >= x)!;
}
