/** What a screen shows at one moment: ScreenState of the API. Fields at zero may be absent. */
export interface ScreenState {
  time: string;
  day_start: string;
  /** since when sites and upstreams are counted */
  counted_from?: string;
  masked?: boolean;
  totals?: { requests?: number; blocked?: number; allowed?: number; findings?: number; requests_before?: number; requests_last_minute?: number; requests_peak_minute?: number };
  trend?: { time: string; blocked?: number; allowed?: number }[];
  attackers?: Count[];
  targets?: Count[];
  rules?: Count[];
  types?: Count[]; // by the first three digits of the rules
  arcs?: Arc[];
  feed?: Item[];
  sites?: Site[];
  upstreams?: Upstream[];
  rates?: Rate[];
  nodes?: Node[];
  partial?: string[];
}

export interface Count {
  name: string;
  detail?: string;
  count: number;
}

export interface Arc {
  country?: string;
  city?: string;
  site?: string;
  count?: number;
  recent?: number;
  missed?: boolean;
}

export interface Item {
  time: string;
  finding?: boolean;
  client?: string;
  country?: string;
  site?: string;
  method?: string;
  path?: string;
  rule?: string;
  rule_name?: string;
  severity?: number;
  suspect?: "" | "false_positive" | "missed";
}

/** A service behind the gate: shares from 0 to 1, a rate in requests a second. */
export interface Site {
  name: string;
  rate?: number;
  blocked?: number;
  errors?: number;
  p50_ms?: number;
  p95_ms?: number;
}

/** A service as a gateway tells of it; the lists have a number for each minute of the last hour. */
export interface Upstream {
  name?: string;
  gateway?: string;
  rate?: number;
  errors?: number;
  refused?: number;
  p50_ms?: number;
  p95_ms?: number;
  requests?: number[];
  failed?: number[];
  minute_p95_ms?: number[];
}

export interface Rate {
  rate: "false_positive" | "missed" | "false_block_share";
  estimate?: number;
  lo?: number;
  hi?: number;
  n_labels?: number;
  n?: number;
}

export interface Node {
  name: string;
  connected?: boolean;
  last_seen_time?: string;
  spool_records?: number;
  spool_overflow?: number;
}
