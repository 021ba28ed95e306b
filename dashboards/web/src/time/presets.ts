import { dictionary } from "../words/dictionary.ts";

const words = dictionary("presets", {
  m15: "Last 15 minutes", h1: "Last hour", h6: "Last 6 hours", h24: "Last 24 hours", d7: "Last 7 days", d30: "Last 30 days",
}, {
  m15: "过去 15 分钟", h1: "过去 1 小时", h6: "过去 6 小时", h24: "过去 24 小时", d7: "过去 7 天", d30: "过去 30 天",
});

/** A length of time up to now that can be chosen by its name. */
export interface Preset {
  key: "m15" | "h1" | "h6" | "h24" | "d7" | "d30";
  ms: number;
  text: string; // as a query has it
}

export const presets: Preset[] = [
  { key: "m15", ms: 900e3, text: "now-15m" },
  { key: "h1", ms: 3600e3, text: "now-1h" },
  { key: "h6", ms: 21600e3, text: "now-6h" },
  { key: "h24", ms: 86400e3, text: "now-24h" },
  { key: "d7", ms: 604800e3, text: "now-7d" },
  { key: "d30", ms: 2592000e3, text: "now-30d" },
];

export function presetName(p: Preset): string {
  return words()[p.key];
}
