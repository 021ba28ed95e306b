// What the REST API answers, as far as the console reads it (/api/openapi.json).

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Event = Record<string, Value>;

export interface Stats {
  rows_matched: number;
  rows_read: number;
  bytes_read: number;
  took: string; // "0.0021s"
  partial: boolean;
  warnings: string[];
}

export interface Events {
  events: Event[];
  next_page_token: string;
  stats: Stats;
}

export interface Table {
  columns: string[];
  rows: Value[][];
  stats: Stats;
}

export interface FieldValue {
  value: Value;
  count: number;
  cut: boolean;
}

export interface Field {
  name: string;
  types: string[];
  events: number;
  coverage: number;
  distinct: number;
  distinct_exact: boolean;
  top: FieldValue[];
  top_short: number;
}

export interface Fields {
  fields: Field[];
  matched: number;
  events: number;
  sampled: boolean;
  total: number;
  next_page_token: string;
  stats: Stats;
}

export interface Ref {
  id: string;
  source: string;
}

export interface Group {
  site: string;
  path_template: string;
  rule: string;
  variable: string;
  kind: string;
  decision: string;
  n: number;
  clients: number;
  first_time: string;
  last_time: string;
  expected_wrong: number;
  p_attack?: number;
  share_of_blocks: number;
  labels: { label: string; n: number }[];
  rules: { rule: string; n: number }[];
  examples: Ref[];
  impact: number;
}

export interface Groups {
  groups: Group[];
  next_page_token: string;
  decisions: number;
  blocks: number;
  unjudged: number;
  warnings: string[];
}

export interface Evidence {
  name: string;
  weight: number;
  detail: string;
  name_zh?: string;
  detail_zh?: string; // "" for a sentence that the server does not know
}

export interface Match {
  rule: string;
  variable: string;
  value: string;
  message: string;
  severity: string;
}

export interface Decision extends Ref {
  time: string;
  dataset: string;
  site: string;
  node: string;
  client: string;
  method: string;
  path: string;
  decision: string;
  action: string;
  anomaly_score: number;
  rules: string[];
  p_attack?: number;
  p_attack_now?: number;
  p_wrong?: number;
  kind: string;
  model: string;
  evidence: Evidence[];
  later_evidence: Evidence[];
  label: string;
  sample_probability: number;
  request_id: string;
  kept_probability: number;
}

export interface Label {
  id: number;
  act: number;
  label: string;
  actor: string;
  reason: string;
  time: string;
  undoes: number;
}

/** The request of a decision as its event has it. */
export interface DecisionRequest {
  url: string;
  host: string;
  version: string;
  user_agent: string;
  referrer: string;
}

export interface DecisionDetail {
  decision: Decision;
  request?: DecisionRequest;
  matches: Match[];
  labels: Label[];
}

export interface LabelledGroup {
  act: number;
  n: number;
  labelled: number;
  kept_out: number;
  outside: number; // decisions of the group without a label that the filter does not take
  more: boolean;
  covers: string;
  least_p_attack?: number;
  most_p_attack?: number;
}

export interface Rate {
  scope: string;
  rate: "false_positive" | "missed" | "false_block_share";
  estimate?: number;
  lo?: number;
  hi?: number;
  n: number;
  n_labels: number;
  n_drawn: number;
  n_covered: number;
  why?: string;
  label_next: (Ref & { share: number })[];
}

export interface Rates {
  rates: Rate[];
  decisions: number;
  unjudged: number;
  warnings: string[];
}

export interface KeptRequest {
  id: string;
  source: string;
  node: string;
  time: string;
  site: string;
  why: string;
  replay_faithful: boolean;
  body_bytes: number;
  ruleset: string;
  request?: {
    method: string;
    uri: string;
    proto: string;
    headers: [string, string][];
    body?: string;
    body_b64?: boolean;
  };
}

export interface Alert {
  id: string;
  status: "ALERT_STATUS_NEW" | "ALERT_STATUS_ACKNOWLEDGED" | "ALERT_STATUS_CLOSED";
  assignee: string;
  note: string;
  revision: number;
  rule_id: string;
  rule_name: string;
  severity: number; // 0 to 100
  dataset: string;
  source: string;
  source_ip: string;
  user_name: string;
  host_name: string;
  url_domain: string;
  url_path: string;
  event_ids: string[];
  event_time: string;
  found_time: string;
  update_time: string;
}

export interface AlertChange {
  actor: string;
  assignee: string;
  note: string;
  revision: number;
  status: Alert["status"];
  time: string;
}

export interface Rule {
  id: string;
  title: string;
  description: string;
  level: string;
  status: string;
  author: string;
  license: string;
  references: string[];
  tags: string[];
  false_positives: string[];
  correlation: boolean;
  silent: boolean;
  path: string;
  name: string;
  ruleset: string;
  refers: string[];
  referred_by: string[];
}

export interface Rules {
  rules: Rule[];
  next_page_token: string;
  ruleset: string;
  rejected: { path: string; line: number; column: number; reason: string }[];
  warnings: { path: string; line: number; column: number; reason: string }[];
}

export interface Node {
  name: string;
  version: string;
  ruleset: string;
  sites: string[];
  connected: boolean;
  peer: string;
  last_seen_time: string;
  spool_overflow: number;
  spool_records: number;
  lag_ms: number;
  bundle: string;
  candidate_bundle: string;
}

export interface Source {
  name: string;
  received: number;
  parsed: number;
  failed: number;
  duplicates: number;
  refused: number;
  stored: number;
  last_received_time?: string;
  formats: string[];
}

export interface Bundle {
  name: string;
  bytes: number;
  create_time: string;
  crs: string;
  exclusions: number;
}

export interface Rollout {
  serial: number;
  stage: string;
  stable: string;
  candidate: string;
  nodes: string[];
  share_percent: number;
  actor: string;
  reason: string;
  create_time: string;
}

/** What became of requests since a node took an offer. */
export interface DecisionCounts {
  requests: number;
  blocked: number;
  errors: number;
}

export interface BundleCounts {
  stable: DecisionCounts;
  candidate: DecisionCounts;
  shadow_same: number;
  shadow_newly_blocked: number;
  shadow_newly_allowed: number;
  shadow_skipped: number;
}

export interface NodeRollout {
  node: string;
  connected: boolean;
  result: string;
  reason: string;
  drift: string;
  serial: number;
  report_time?: string;
  status?: { bundle_serial: number; sites: string[]; counts?: BundleCounts | null };
}

export interface RolloutState {
  rollout?: Rollout;
  history: Rollout[];
  nodes: NodeRollout[];
  public_key: string;
}

/** A change of the rules that the server found, with what its replay told. */
export interface Proposal {
  id: number;
  status: "proposed" | "applied" | "expired" | "retired" | "rolled_back";
  kind: string;
  site: string;
  path: string;
  rules: number[];
  directive: string;
  unblocks: string[];
  released: string[];
  guard_lost: string[];
  evidence: Evidence[];
  owner: string;
  reason: string;
  stage: string;
  bundle: string;
  create_time: string;
  update_time?: string;
  expire_time?: string;
  hits: number;
  last_hit_time?: string;
  retire: string;
  // Of a promotion: missed attacks that it blocks, legitimate requests that it would
  // block, and the share of them with its interval.
  catches: string[];
  blocks: string[];
  cost?: number;
  cost_lo?: number;
  cost_hi?: number;
}

export interface ProposalJob {
  actor: string;
  stage: string;
  done: number;
  total: number;
  judged: number;
  wrong: number;
  nowhere: number;
  guard: number;
  guarded?: number;
  proposals: number[];
  left_out: string;
  error: string;
  warnings: string[];
  start_time: string;
  end_time?: string;
  kind: string;
  missed: number;
  legitimate: number;
  unanswered: { id: string; site: string; why: string }[];
}

/** What the webhook does that is told of findings. */
export interface Notifications {
  enabled: boolean;
  host: string;
  secrets: number;
  pending: number;
  held: number;
  delivered: number;
  dead: number;
  last_delivery_time?: string;
  last_error: string;
  dead_notifications: {
    id: string;
    kind: string;
    alert_id: string;
    rule_id: string;
    rule_name: string;
    create_time?: string;
    end_time?: string;
    tries: number;
    error: string;
  }[];
}
