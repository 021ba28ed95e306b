import { preference } from "../api/preferences.ts";

/** The zone that was chosen, "" for that of the browser. */
export const zone = preference("zone", "", (x) => (typeof x === "string" && known(x) ? x : undefined));

function known(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** zoneName is the time zone that times are shown in. */
export function zoneName(): string {
  return zone.get() || localZone();
}

let own = "";

/** localZone is the zone of the browser. */
export function localZone(): string {
  own ||= Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  return own;
}

export function setZone(name: string): void {
  zone.set(name);
}

/** zoneOffset is how many minutes the shown zone is ahead of UTC at a time. */
export function zoneOffset(at: Date): number {
  const p: Record<string, number> = {};
  const f = new Intl.DateTimeFormat("en-US", {
    timeZone: zoneName(), hourCycle: "h23",
    year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  });
  for (const x of f.formatToParts(at)) p[x.type] = Number(x.value);
  const wall = Date.UTC(p["year"]!, p["month"]! - 1, p["day"]!, p["hour"]!, p["minute"]!, p["second"]!);
  return Math.round((wall - at.getTime()) / 60000);
}

/** zoneLabel is UTC, UTC+8 or UTC−3:30. */
export function zoneLabel(at = new Date()): string {
  const m = zoneOffset(at);
  if (m === 0) return "UTC";
  const abs = Math.abs(m);
  return `UTC${m < 0 ? "\u2212" : "+"}${Math.floor(abs / 60)}${abs % 60 ? `:${String(abs % 60).padStart(2, "0")}` : ""}`;
}
