import type { Evidence } from "../api/types.ts";

/** Sentences of the server about proposals (services/triage/tuning), and how they are said in Chinese. */
const sentences: [RegExp, (...g: string[]) => string | undefined][] = [
  [/^(.+) on (?:(all paths)|(.+)) of (\S+?)(, while the query has no unusual characters)?$/, (what, all, path, site, query) => {
    const changes = what!.split("; ").map(changeZh);
    if (changes.includes(undefined)) return undefined;
    return `${site} ${all ? "全部路径" : path}：${changes.join("；")}${query ? "，仅限查询串没有特殊字符时" : ""}`;
  }],
  [/^(\d+) requests taken for false positives pass; with the proposals before it (\d+) of (\d+)$/, (n, freed, all) => `放行 ${n} 个误报请求；连同前面的建议，共放行 ${all} 个里的 ${freed} 个`],
  [/^(\d+) of (\d+) blocked requests at this place that are taken for attacks pass$/, (n, all) => `此处被认作攻击的 ${all} 个拦截里，会放行 ${n} 个`],
  [/^(\d+) of (\d+) attacks of the guard at this place pass; the guard has (\d+) blocked attacks in all$/, (n, here, all) => `此处 ${here} 个已知攻击里会漏放 ${n} 个；用来把关的攻击共 ${all} 个`],
  [/^(.+), on (one path|paths of one template|the whole site)$/, (what, where) => {
    const parts = what!.split(", ").map(narrowZh);
    if (parts.includes(undefined)) return undefined;
    return `${parts.join("，")}，范围：${{ "one path": "一个路径", "paths of one template": "同一模板的路径" }[where!] ?? "整个站点"}`;
  }],
  [/^(\d+) of the requests taken for false positives the verdict takes for sure attacks; labelled by (.*)$/, (n, who) => `其中 ${n} 个，模型认定是攻击；标注人：${who}`],
  [/^rule (\d+) blocks at the paranoia level in use, on (.+)$/, (rule, site) => `在 ${site} 以当前偏执级别启用规则 ${rule} 拦截`],
  [/^(\d+) of (\d+) missed attacks are blocked$/, (n, all) => `${all} 个漏报的攻击里会拦截 ${n} 个`],
  [/^(\d+) of (\d+) legitimate requests of the site are blocked, too: (\S+) % \((\S+) to (\S+) %\)$/, (n, all, p, lo, hi) => `该站点 ${all} 个正常请求里也会拦截 ${n} 个：${p} %（${lo} – ${hi} %）`],
  [/^asked for with suspect (\S+) and guard_loss (\S+)$/, (suspect, loss) => `按 suspect ${suspect}、guard_loss ${loss} 查找`],
  [/^asked for with max_cost (\S+)$/, (cost) => `按 max_cost ${cost} 查找`],
  [/^the trial of these proposals ended with it: (.+)$/, (ids) => `这些建议的试用随之结束：${ids}`],
  [/^no request has needed it in (\d+) days$/, (days) => `${days} 天没有请求用到它`],
  [/^no request has needed it since (\S+), more than (\d+) days ago$/, (day, days) => `自 ${day} 起没有请求用到它，已超过 ${days} 天`],
];

function changeZh(text: string): string | undefined {
  const m = /^rule (\d+) (?:allows (.+)|no longer looks at (.+)|is off)$/.exec(text);
  if (!m) return undefined;
  return m[2] ? `规则 ${m[1]} 允许 ${m[2]}` : m[3] ? `规则 ${m[1]} 不再检查 ${m[3]}` : `停用规则 ${m[1]}`;
}

function narrowZh(text: string): string | undefined {
  const m = /^(\d+) (values that a policy allows|variables that a rule no longer looks at|rules that are off)$/.exec(text);
  if (!m) return undefined;
  const [n, what] = [m[1], m[2]!];
  return what.startsWith("values") ? `策略多允许 ${n} 个值` : what.startsWith("variables") ? `规则不再检查 ${n} 个变量` : `停用 ${n} 条规则`;
}

/** proposalSaid says what the server tells of a proposal; english if it has no other words for it. */
export function proposalSaid(detail: string, language: "zh-CN" | "en"): { text: string; english: boolean } {
  if (language === "zh-CN") {
    for (const [form, say] of sentences) {
      const m = form.exec(detail);
      const text = m && say(...m.slice(1));
      if (text) return { text, english: false };
    }
  }
  return { text: detail, english: true };
}

/** What requests were left out of a search for, and how that is said in Chinese. */
const leftOut: Record<string, string> = {
  "of which no copy is kept": "没有留副本",
  "whose copies are masked where the rules look": "副本脱敏，规则看不全",
  "whose copies cannot be opened or judged": "副本打不开或判不了",
  "without a label or verdict": "没有标注也没有模型判断",
  "that the rules in use decide otherwise": "在用规则判得不同",
  "older than fit in memory": "更旧，内存放不下",
};

/** leftOutSaid says which requests a search left out. */
export function leftOutSaid(text: string, language: "zh-CN" | "en"): { text: string; english: boolean } {
  const parts = text.split(", ").map((x) => /^(\d+) (.+)$/.exec(x));
  if (language === "en" || !parts.every((m) => m && leftOut[m[2]!])) return { text, english: true };
  return { text: parts.map((m) => `${m![1]} 个${leftOut[m![2]!]}`).join("，"), english: false };
}

/** disputedOf is how many of what a proposal frees the verdict takes for sure attacks: it has to be tried out before all nodes use it. */
export function disputedOf(evidence: Evidence[]): number {
  return Math.abs(evidence.find((e) => e.name === "disputed")?.weight ?? 0);
}

/** guardOf is how many known attacks at its place a proposal was tried against, undefined where nothing is told. */
export function guardOf(evidence: Evidence[]): number | undefined {
  const told = evidence.find((e) => e.name === "guard");
  const of = told && /^\d+ of (\d+) attacks of the guard at this place/.exec(told.detail);
  return of ? Number(of[1]) : undefined;
}

/** costOf is the share of harmless requests that a promotion blocks, with two digits: it is small. */
export function costOf(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** otherwiseOf is how many requests a search left out because the rules in use decide otherwise by now. */
export function otherwiseOf(leftOut: string): number {
  return Number(/(\d+) that the rules in use decide otherwise/.exec(leftOut)?.[1] ?? 0);
}
