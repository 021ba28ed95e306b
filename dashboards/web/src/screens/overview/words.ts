import { dictionary } from "../../words/dictionary.ts";

export const overviewWords = dictionary("overview", {
  title: "Overview", updated: (t: string) => `Updated ${t}`, range: "In this range",
  needs: "Needs you", byUrgency: "by urgency",
  fpToReview: "Likely false positives to review", fpNote: (g: string, c: string) => `${g === "1" ? "1 group" : `${g} groups`}, ${c === "1" ? "1 client" : `${c} clients`} affected`, missedToReview: "Likely missed attacks to review", missedNote: (g: string, p: string) => `${g === "1" ? "1 group" : `${g} groups`}, highest p = ${p}`, none: "nothing waits",
  findings: "Findings nobody has taken", findingsNote: (t: string) => `oldest has waited ${t}`, findingsMany: "the newest 500 were looked at", silent: "Silent log sources", silentNote: (s: string, t: string) => `${s}: nothing for ${t}`, nodes: "WAF nodes that need a look", allWell: "all well",
  quality: "Decision quality", estimated: (n: string) => `estimated from ${n} labels`, goal: "goal",
  rFp: "False-positive rate", rFpNote: "blocked legitimate / all legitimate", rMissed: "Missed-attack rate", rMissedNote: "allowed attacks / all attacks", rShare: "False share of blocks", rShareNote: "blocked legitimate / all blocks",
  notEnough: (n: string) => `Not enough labels to estimate (n = ${n})`, labelMore: "Label more", draw: "Draw a sample", drawn: (n: string) => `${n} decisions drawn to label`, ofDecisions: (n: string) => (n === "1" ? "of 1 decision" : `of ${n} decisions`),
  traffic: "Traffic and blocks", per: (t: string) => `per ${t}`, allowed: "Allowed", blocked: "Blocked", noTraffic: "No WAF decisions in this range.",
  bySite: "Blocks by site", perCell: (t: string) => `${t} per cell`, countShare: "count · share",
  byRule: "Findings by rule", all: "All", rule: "Rule", count: "Count", sources: "Sources", trend: "Trend", noFindings: "No rule found anything in this range.",
  nodesTitle: "Nodes", name: "Name", state: "State", ruleset: "Rule set", rate: "Req/min", spool: "Spool", noNodes: "No WAF node has registered.", toNodes: "Go to nodes", toRules: "Go to rules", noRates: "No decisions in this range, so no rate of wrong ones yet. Rates come from labels of decisions drawn at random.", openSearch: "Search",
  tableOf: (s: string) => `Blocks of ${s} over time`,
}, {
  title: "总览", updated: (t) => `${t} 更新`, range: "本时段",
  needs: "需要你处理", byUrgency: "按紧急程度",
  fpToReview: "误报嫌疑待复核", fpNote: (g, c) => `${g} 组，影响 ${c} 个客户端`, missedToReview: "漏报嫌疑待复核", missedNote: (g, p) => `${g} 组，最高 p = ${p}`, none: "没有等待处理的",
  findings: "无人认领的告警", findingsNote: (t) => `最早的已等 ${t}`, findingsMany: "只看了最新的 500 条", silent: "没有日志的日志源", silentNote: (s, t) => `${s} 已 ${t}没有日志`, nodes: "需要留意的 WAF 节点", allWell: "都正常",
  quality: "判定质量", estimated: (n) => `由 ${n} 条标注估计`, goal: "目标",
  rFp: "误报率", rFpNote: "拦截的正常请求 / 全部正常请求", rMissed: "漏报率", rMissedNote: "放行的攻击 / 全部攻击", rShare: "拦截中的误报占比", rShareNote: "拦截的正常请求 / 全部拦截",
  notEnough: (n) => `标注还不够，无法估计（n = ${n}）`, labelMore: "去标注", draw: "抽取样本", drawn: (n) => `已抽取 ${n} 条待标注`, ofDecisions: (n) => `共 ${n} 条判定`,
  traffic: "流量与拦截", per: (t) => `每 ${t}`, allowed: "放行", blocked: "拦截", noTraffic: "这段时间没有 WAF 判定。",
  bySite: "各站点拦截", perCell: (t) => `每格 ${t}`, countShare: "次数 · 占比",
  byRule: "按规则看告警", all: "全部", rule: "规则", count: "次数", sources: "来源", trend: "走势", noFindings: "这段时间没有规则命中。",
  nodesTitle: "节点", name: "名称", state: "状态", ruleset: "规则集", rate: "次/分", spool: "暂存", noNodes: "还没有 WAF 节点注册。", toNodes: "去节点页", toRules: "去规则页", noRates: "这段时间没有判定，还算不出误报率和漏报率。它们由随机抽出的判定的标注估计。", openSearch: "检索",
  tableOf: (s) => `${s} 的拦截走势`,
});
