import { zoneName } from "../time/zone.ts";

const minus = "\u2212";
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** count is a whole number with thousands, the same in both languages. */
export function count(n: number): string {
  return grouped.format(n).replace("-", minus);
}

/** short is a number for an axis: 1.2 k, 3 M. */
export function short(n: number): string {
  if (n >= 1e6) return `${trim(n / 1e6)} M`;
  if (n >= 1e3) return `${trim(n / 1e3)} k`;
  return trim(n);
}

function trim(n: number): string {
  return Number(n.toFixed(n < 10 ? 1 : 0)).toString();
}

/** percent is a share from 0 to 1 with two telling digits. */
export function percent(x: number): string {
  const p = x * 100;
  return `${p >= 10 || p === 0 ? p.toFixed(0) : p >= 1 ? p.toFixed(1) : p.toFixed(2)} %`;
}

/** probability has two digits, and is never rounded to certainty. */
export function probability(p: number): string {
  if (p > 0.995 && p < 1) return "> 0.99";
  if (p < 0.005 && p > 0) return "< 0.01";
  return p.toFixed(2);
}

/** signed has one digit and its sign. */
export function signed(x: number): string {
  const t = Math.abs(x).toFixed(1);
  return x < 0 && t !== "0.0" ? minus + t : `+${t}`;
}

/** bytes in kB and MB of 1,000. */
export function bytes(n: number): string {
  if (n >= 1e9) return `${trim(n / 1e9)} GB`;
  if (n >= 1e6) return `${trim(n / 1e6)} MB`;
  if (n >= 1e3) return `${trim(n / 1e3)} kB`;
  return `${n} B`;
}

/** parts are the digits of a time in the shown zone. Rows of a table are mostly of one minute. */
function parts(t: Date): Record<string, string> {
  const of = Math.floor(t.getTime() / 60_000);
  if (last?.of !== of || last.zone !== zoneName()) {
    const all: Record<string, string> = {};
    for (const p of formatter().formatToParts(t)) all[p.type] = p.value;
    last = { of, zone: zoneName(), all };
  }
  return last.all;
}

let last: { of: number; zone: string; all: Record<string, string> } | undefined;

let made: { zone: string; f: Intl.DateTimeFormat } | undefined;
function formatter(): Intl.DateTimeFormat {
  if (made?.zone !== zoneName()) {
    made = {
      zone: zoneName(),
      f: new Intl.DateTimeFormat("en-US", {
        timeZone: zoneName(), hourCycle: "h23",
        year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
      }),
    };
  }
  return made.f;
}

/** day is 2026-11-22. */
export function day(t: Date): string {
  const p = parts(t);
  return `${p["year"]}-${p["month"]}-${p["day"]}`;
}

/** minute is 14:32. */
export function minute(t: Date): string {
  const p = parts(t);
  return `${p["hour"]}:${p["minute"]}`;
}

/** second is 14:32:07. */
export function second(t: Date): string {
  return `${minute(t)}:${String(t.getUTCSeconds()).padStart(2, "0")}`; // the same in all zones
}

/** milli is 14:32:07.418. */
export function milli(t: Date): string {
  return `${second(t)}.${String(t.getMilliseconds()).padStart(3, "0")}`;
}

/** dayMilli is 11-22 14:32:07.418. */
export function dayMilli(t: Date): string {
  return `${day(t).slice(5)} ${milli(t)}`;
}

/** moment is 2026-11-22 14:32:07. */
export function moment(t: Date): string {
  return `${day(t)} ${second(t)}`;
}

/** fullMoment is moment with milliseconds. */
export function fullMoment(t: Date): string {
  return `${day(t)} ${milli(t)}`;
}
