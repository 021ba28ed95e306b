import { day, minute, second } from "../words/format.ts";
import { zoneOffset } from "./zone.ts";

/** A time range; to is excluded. */
export interface Range {
  from: Date;
  to: Date;
}

/** parseTime reads RFC 3339, a date or time of the shown zone, "now" and "now-1h". */
export function parseTime(text: string, now: Date): Date | undefined {
  const s = text.trim();
  const relative = /^now(?:([+-])(\d{1,6})(s|m|h|d|w))?$/.exec(s);
  if (relative) {
    const unit = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 }[relative[3] ?? "s"] ?? 1;
    const by = Number(relative[2] ?? 0) * unit * 1000;
    return new Date(now.getTime() + (relative[1] === "-" ? -by : by));
  }
  const local = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d{1,3})?)?)?$/.exec(s);
  if (local) {
    const [y, mo, d, h, mi, se] = local.slice(1, 7).map((x) => Number(x ?? 0));
    const wall = Date.UTC(y!, mo! - 1, d!, h!, mi!, se!, Number(local[7] ?? 0) * 1000);
    return new Date(wall - zoneOffset(new Date(wall)) * 60000);
  }
  if (!/^\d{4}-\d\d-\d\dT/.test(s)) return undefined;
  const t = new Date(s);
  return Number.isNaN(t.getTime()) ? undefined : t;
}

/** rangeOf reads the range of a link; without one it is the last ms before now. */
export function rangeOf(from: string | undefined, to: string | undefined, now: Date, ms: number): Range {
  const end = (to && parseTime(to, now)) || now;
  const begin = (from && parseTime(from, now)) || new Date(end.getTime() - ms);
  return begin < end ? { from: begin, to: end } : { from: new Date(end.getTime() - ms), to: end };
}

/** width of a range in milliseconds. */
export function width(r: Range): number {
  return r.to.getTime() - r.from.getTime();
}

/** shift moves a range by its width, which is also how far it goes at most beyond now. */
export function shift(r: Range, steps: number): Range {
  const by = width(r) * steps;
  return { from: new Date(r.from.getTime() + by), to: new Date(r.to.getTime() + by) };
}

/** What of a time tells it from all others of a range: the time of day, the day too, or the year too. */
export type Grain = "time" | "day" | "year";

/** grainOf is the least that tells the times of a range apart; a year may have a day less. */
export function grainOf(r: Range): Grain {
  const days = width(r) / 86_400_000;
  return days <= 1 ? "time" : days <= 365 ? "day" : "year";
}

/** showRange names the days that are needed and no more. */
export function showRange(r: Range): string {
  const fine = width(r) < 10 * 60_000 ? second : minute;
  const begin = `${day(r.from)} ${fine(r.from)}`;
  return day(r.from) === day(r.to) ? `${begin} – ${fine(r.to)}` : `${begin} – ${day(r.to).slice(5)} ${fine(r.to)}`;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

/** bucketOf is the round number of seconds that cuts a range into at most n parts. */
export function bucketOf(r: Range, n: number): number {
  const least = width(r) / 1000 / n;
  return steps.find((s) => s >= least) ?? steps[steps.length - 1]!;
}
