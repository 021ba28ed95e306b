import { dictionary } from "../../words/dictionary.ts";

export const tuningWords = dictionary("tuning", {
  title: "Tuning", list: "Exclusions", status: "State", all: "All", proposed: "Proposed", applied: "In use", ended: "Ended", seek: "Look for exclusions",
  seekHint: "Replays what nodes kept: labelled false positives, and blocks the verdict takes for one.", site: "Site", path: "Path", rules: "Rules", owner: "Owner", expires: "Expires", hits: "Hits", effect: "Would pass", lost: "Attacks lost",
  empty: "No exclusions. Label false positives on the decisions screen, then look for exclusions.", toDecisions: "Go to decisions", choose: "Choose an exclusion to see its directive and what its replay told.", never: "never",
  view: "View", whatIf: "What if", whatIfHint: "Judges the requests that nodes kept at every paranoia level and threshold. Nothing is changed.", drawCurve: "Draw the curve", stop: "Stop",
  noCurve: "No curve yet. It needs requests that nodes have kept at random, and labels for the rates.", basis: (n: string, of: string) => `${n} kept requests stand for ${of}`, nowAt: (p: number, t: number) => `now level ${p}, threshold ${t}`, inUse: "in use",
  paranoia: "Level", threshold: "Threshold", mBlocked: "Blocked, of all", mFp: "False positives, of the harmless", mMissed: "Missed, of the attacks", notEnough: (n: string) => `Not enough labels (n = ${n})`,
  judging: (s: string, done: string, total: string) => `${({ read: "Reading", judge: "Judging" } as Record<string, string>)[s] ?? "Working"} ${done}${total ? ` of ${total}` : ""}`,
  working: (s: string, done: string, total: string) => `${({ read: "Reading", judge: "Judging", propose: "Replaying" } as Record<string, string>)[s] ?? "Working"} ${done}${total ? ` of ${total}` : ""}`,
  ended2: (n: number, wrong: string, judged: string) => `${n === 1 ? "1 proposal" : `${n} proposals`}; ${wrong} of ${judged} kept requests are false positives`, evidence: "What its replay told", next: "Next", before: "Previous", rollout: "Rollout", serial: "Serial", mayNot: "Your role may look at exclusions and not look for new ones.",
}, {
  title: "调优", list: "排除", status: "状态", all: "全部", proposed: "建议", applied: "在用", ended: "已结束", seek: "找排除",
  seekHint: "重放节点留存的请求：已标注的误报，以及模型认作误报的拦截。", site: "站点", path: "路径", rules: "规则", owner: "负责人", expires: "到期", hits: "生效次数", effect: "恢复放行", lost: "漏放攻击",
  empty: "还没有排除。先到决策页标注误报，再来找排除。", toDecisions: "去决策页", choose: "选一条排除，看指令和重放结果。", never: "不过期",
  view: "视图", whatIf: "假如", whatIfHint: "把节点留存的请求按每个偏执级别和阈值重判一遍，不做任何改动。", drawCurve: "画曲线", stop: "停止",
  noCurve: "还没有曲线。先要有节点随机留存的请求；要估计误报和漏报，还得有标注。", basis: (n, of) => `${n} 个留存请求，代表 ${of} 个`, nowAt: (p, t) => `现为级别 ${p}，阈值 ${t}`, inUse: "在用",
  paranoia: "级别", threshold: "阈值", mBlocked: "拦截，占全部", mFp: "误报，占正常请求", mMissed: "漏报，占攻击", notEnough: (n) => `标注还不够（n = ${n}）`,
  judging: (s, done, total) => `${({ read: "读取", judge: "判断" } as Record<string, string>)[s] ?? "处理"} ${done}${total ? ` / ${total}` : ""}`,
  working: (s, done, total) => `${({ read: "读取", judge: "判断", propose: "重放" } as Record<string, string>)[s] ?? "处理"} ${done}${total ? ` / ${total}` : ""}`,
  ended2: (n, wrong, judged) => `${n} 条建议；留存的 ${judged} 个请求里 ${wrong} 个是误报`, evidence: "重放结果", next: "下一条", before: "上一条", rollout: "下发", serial: "序号", mayNot: "你的角色只能看，不能找新的排除。",
});
