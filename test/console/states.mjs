// States of a busy day for the screens on a wall, made up, the same each time.

const day = Date.UTC(2026, 10, 21, 16); // midnight in Shanghai
export const first = day + 15 * 3600e3 - 20e3;

/** random is a generator of numbers from 0 to 1, always the same. */
function random(seed) {
  return () => {
    seed = (seed * 1664525 + 1013904223) % 4294967296;
    return seed / 4294967296;
  };
}

const from = [
  ["US", "Ashburn", 4210], ["DE", "Frankfurt am Main", 3184], ["SG", "Singapore", 2877], ["US", "Los Angeles", 2304], ["BR", "São Paulo", 1902], ["RU", "Moscow", 1466],
  ["IN", "Mumbai", 1210], ["NL", "", 980], ["KR", "Seoul", 760], ["AU", "Sydney", 640], ["JP", "Tokyo", 590], ["ZA", "Johannesburg", 402], ["ID", "Jakarta", 380], ["EG", "", 210], ["CA", "Montreal", 190], ["", "", 88],
];
const sites = ["shop", "api", "help", "cms"];
const rules = [["942100", 9216], ["941100", 7804], ["913100", 6190], ["930100", 4471], ["932235", 2018], ["933100", 911]];
const types = [["942", 18402], ["941", 11966], ["913", 9730], ["930", 6218], ["932", 3077], ["933", 1904], ["944", 311]];
const targets = [["/v2/login", "api", 12840], ["/items", "shop", 9112], ["/search", "help", 5533], ["/article/save", "cms", 3020], ["/post/new", "help", 1877]];

const services = [
  ["shop", "gw-bj-01", 640, 96, 0], ["api", "gw-bj-01", 512, 192, 0.002], ["search", "gw-bj-02", 398, 384, 0], ["checkout", "gw-sh-01", 296, 1536, 0.031], ["help", "gw-sz-01", 190, 48, 0], ["media", "gw-sz-02", 182, 24, 0.001],
  ["cms", "gw-sh-01", 120, 768, 0.004], ["login", "gw-bj-02", 96, 96, 0], ["forum", "gw-cd-01", 61, 192, 0.012], ["reports", "gw-cd-01", 12, 12288, 0], ["admin", "gw-bj-01", 4, 48, 0],
];

function trend(now) {
  const next = random(7);
  const points = [];
  for (let t = now - 24 * 3600e3; t <= now; t += 300e3) {
    const h = (((t - day) / 3600e3) % 24 + 24) % 24;
    const work = 700 + 900 * Math.exp(-(((h - 10.5) / 3) ** 2)) + 800 * Math.exp(-(((h - 16) / 3.5) ** 2)) + 500 * Math.exp(-(((h - 21) / 2) ** 2));
    const spike = 420 * Math.exp(-(((h - 5.6) / 0.35) ** 2)) + 380 * Math.exp(-(((h - 14.3) / 0.3) ** 2));
    points.push({ time: new Date(Math.floor(t / 300e3) * 300e3).toISOString(), allowed: Math.round(5 * (work + 60 * next())), blocked: Math.round(5 * (70 + spike + 30 * next())) });
  }
  return points;
}

/** state is the n-th; text stands in every field that others write. */
export function state(n, text) {
  const now = first + n * 3000;
  const next = random(n + 1);
  const said = (own) => text ?? own;
  return {
    time: new Date(now).toISOString(), day_start: new Date(day).toISOString(), masked: true,
    totals: { requests: 742917 + 91 * n, blocked: 51297 + 7 * n, allowed: 691620 + 84 * n, findings: 41 + Math.floor(n / 20), requests_before: 713000 },
    trend: trend(now),
    types: types.map(([name, count]) => ({ name, count: count + n })),
    rules: rules.map(([name, count]) => ({ name: said(name), detail: said(""), count: count + n })),
    targets: targets.map(([name, detail, count]) => ({ name: said(name), detail: said(detail), count: count + n })),
    attackers: from.slice(0, 5).map(([country, , count], i) => ({ name: said(["198.51.100.*", "203.0.113.*", "192.0.2.*", "2001:db8:7:*", "203.0.114.*"][i]), detail: said(country), count: count + n })),
    arcs: from.flatMap(([country, city, count], i) => {
      const arc = { country: said(country), city: said(city), site: said(sites[i % 4]), count: count + n, recent: Math.floor(next() * 6) };
      return i % 5 === 1 ? [arc, { ...arc, missed: true, count: 20 + i, recent: 1 }] : [arc];
    }),
    feed: Array.from({ length: 40 }, (_, i) => ({
      time: new Date(now - i * 700).toISOString(), finding: i % 9 === 3, suspect: i % 7 === 2 ? "false_positive" : i % 7 === 5 ? "missed" : "", client: said("198.51.100.*"), country: said("US"), site: said(sites[(i + n) % 4]),
      method: said("GET"), path: said(targets[(i + n) % 5][0]), rule: said(rules[(i + n) % 6][0]), rule_name: said("Sign-in after many failures"), severity: 70,
    })),
    sites: sites.map((name, i) => ({ name: said(name), rate: 12.5 / (i + 1), blocked: 0.06 + i / 50, errors: i / 400, p50_ms: 8 * (i + 1), p95_ms: 60 * (i + 1) })),
    upstreams: services.map(([name, gateway, perMinute, p95, failing], i) => {
      const requests = Array.from({ length: 60 }, (_, m) => Math.round(perMinute * (0.8 + 0.25 * Math.sin((m + i * 9) / 8) + 0.2 * next())));
      const failed = requests.map((r, m) => Math.round(r * (m > 44 && m < 56 ? failing * 2 : failing / 3)));
      return {
        name: said(name), gateway: said(gateway), rate: perMinute / 60, errors: failing, refused: 0.02 + i / 300, p50_ms: p95 / 6, p95_ms: p95, requests, failed, minute_p95_ms: requests.map(() => p95),
      };
    }),
    rates: [
      { rate: "false_positive", estimate: 0.0068, lo: 0.0055, hi: 0.0082, n_labels: 640, n: 51297 },
      { rate: "missed", estimate: 0.046, lo: 0.021, hi: 0.089, n_labels: 212, n: 691620 },
    ],
    nodes: ["gw-bj-01", "gw-bj-02", "gw-sh-01", "gw-sz-01", "gw-sz-02", "gw-cd-01"].map((name, i) => ({
      name: said(`${name}`) + (text ? i : ""), connected: i !== 3, last_seen_time: new Date(now - (i === 3 ? 26 * 60e3 : 1000)).toISOString(), spool_records: i === 5 ? 41200 : 0,
    })),
  };
}
