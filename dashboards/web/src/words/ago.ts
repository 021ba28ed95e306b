import { dictionary } from "./dictionary.ts";

const words = dictionary("ago", {
  now: "just now",
  seconds: (n: number) => `${n} s`,
  minutes: (n: number) => `${n} min`,
  hours: (n: number) => `${n} h`,
  days: (n: number) => `${n} d`,
  ago: (t: string) => `${t} ago`,
}, {
  now: "刚刚",
  seconds: (n) => `${n} 秒`,
  minutes: (n) => `${n} 分钟`,
  hours: (n) => `${n} 小时`,
  days: (n) => `${n} 天`,
  ago: (t) => `${t}前`,
});

/** span is a length of time in one unit. */
export function span(ms: number): string {
  const w = words();
  const s = Math.round(ms / 1000);
  if (s < 90 && s !== 60) return w.seconds(s);
  if (s < 90 * 60 && s !== 3600) return w.minutes(Math.round(s / 60));
  if (s < 36 * 3600) return w.hours(Math.round(s / 3600));
  return w.days(Math.round(s / 86400));
}

/** ago is how long before now. */
export function ago(t: Date, now = new Date()): string {
  const ms = now.getTime() - t.getTime();
  return ms < 5000 ? words().now : words().ago(span(ms));
}
