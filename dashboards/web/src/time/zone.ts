const kept = "gw.zone";
let chosen = "";

/** zoneName is the time zone that times are shown in. */
export function zoneName(): string {
  if (chosen === "") {
    const before = typeof localStorage === "undefined" ? null : localStorage.getItem(kept);
    chosen = before ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
  }
  return chosen;
}

/** localZone is the zone of the browser. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
}

export function setZone(name: string): void {
  chosen = name;
  localStorage.setItem(kept, name);
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
