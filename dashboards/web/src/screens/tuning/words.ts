import { dictionary } from "../../words/dictionary.ts";

export const tuningWords = dictionary("tuning", {
  title: "Tuning", list: "Exclusions and promotions", kind: "Kind", leftOut: (what: string) => `; left out: ${what}`, noneFits: "; no narrow change lifts them alone: others there are taken for attacks. Label those, too",
  guarded: (n: number) => `; at ${n === 1 ? "one place" : `${n} places`} known attacks would pass with it, so nothing is proposed there`, status: "State", all: "All", proposed: "Proposed", applied: "In use", ended: "Ended", seek: "Look for exclusions",
  seekHint: "Replays what nodes kept: labelled false positives, and blocks the verdict takes for one.", site: "Site", path: "Path", rules: "Rules", owner: "Owner", expires: "Expires", hits: "Hits", effect: "Mends", cost: "Costs", effectTold: "False positives that pass, or missed attacks that are blocked", costTold: "Attacks that pass, or harmless requests that are blocked",
  promote: "Look for promotions", promoteHint: "Looks for the one rule of a higher paranoia level that blocks each missed attack, and what it would block beside it.",
  endedMissed: (n: number, missed: string, legit: string, unanswered: number) => `${n === 1 ? "1 promotion" : `${n} promotions`}; ${missed} missed and ${legit} harmless requests replayed${unanswered > 0 ? `; no rule blocks ${unanswered} of the missed` : ""}`,
  empty: "Nothing here yet. Label false positives or missed attacks on the decisions screen, then look for changes.", toDecisions: "Go to decisions", choose: "Choose one to see its directive and what its replay told.", never: "never",
  view: "View", whatIf: "What if", whatIfHint: "Judges the requests that nodes kept at every paranoia level and threshold. Nothing is changed.", drawCurve: "Draw the curve", stop: "Stop",
  noCurve: "No curve yet. It needs requests that nodes have kept at random, and labels for the rates.", basis: (n: string, of: string) => `${n} kept requests stand for ${of}`, nowAt: (p: number, t: number) => `now level ${p}, threshold ${t}`, inUse: "in use",
  paranoia: "Level", threshold: "Threshold", mBlocked: "Blocked, of all", mFp: "False positives, of the harmless", mMissed: "Missed, of the attacks", notEnough: (n: string) => `Not enough labels (n = ${n})`,
  judging: (s: string, done: string, total: string) => `${({ read: "Reading", judge: "Judging" } as Record<string, string>)[s] ?? "Working"} ${done}${total ? ` of ${total}` : ""}`,
  working: (s: string, done: string, total: string) => `${({ read: "Reading", judge: "Judging", propose: "Replaying" } as Record<string, string>)[s] ?? "Working"} ${done}${total ? ` of ${total}` : ""}`,
  ended2: (n: number, wrong: string, judged: string) => `${n === 1 ? "1 proposal" : `${n} proposals`}; ${wrong} of ${judged} kept requests are false positives`, evidence: "What its replay told", next: "Next", before: "Previous", rollout: "Rollout", serial: "Serial", mayNot: "Your role may look at them and not look for new ones.",
}, {
  title: "调优", list: "排除和提级", kind: "类型", leftOut: (what) => `；没算在内：${what}`, noneFits: "；单独放行它们的窄改动没有，那里还有别的请求被认作攻击，也标注一下",
  guarded: (n) => `；有 ${n} 处一改就会漏放已知攻击，所以不提建议`, status: "状态", all: "全部", proposed: "建议", applied: "在用", ended: "已结束", seek: "找排除",
  seekHint: "重放节点留存的请求：已标注的误报，以及模型认作误报的拦截。", site: "站点", path: "路径", rules: "规则", owner: "负责人", expires: "到期", hits: "生效次数", effect: "修正", cost: "代价", effectTold: "会恢复放行的误报，或会拦住的漏报攻击", costTold: "会漏放的攻击，或会误拦的正常请求",
  promote: "找提级", promoteHint: "为每个漏报的攻击找更高偏执级别里能拦住它的那一条规则，并算出会误拦多少。",
  endedMissed: (n, missed, legit, unanswered) => `${n} 条提级建议；重放了 ${missed} 个漏报的攻击和 ${legit} 个正常请求${unanswered > 0 ? `；其中 ${unanswered} 个攻击没有规则能拦` : ""}`,
  empty: "还没有。先到决策页标注误报或漏报，再来找改动。", toDecisions: "去决策页", choose: "选一条，看指令和重放结果。", never: "不过期",
  view: "视图", whatIf: "假如", whatIfHint: "把节点留存的请求按每个偏执级别和阈值重判一遍，不做任何改动。", drawCurve: "画曲线", stop: "停止",
  noCurve: "还没有曲线。先要有节点随机留存的请求；要估计误报和漏报，还得有标注。", basis: (n, of) => `${n} 个留存请求，代表 ${of} 个`, nowAt: (p, t) => `现为级别 ${p}，阈值 ${t}`, inUse: "在用",
  paranoia: "级别", threshold: "阈值", mBlocked: "拦截，占全部", mFp: "误报，占正常请求", mMissed: "漏报，占攻击", notEnough: (n) => `标注还不够（n = ${n}）`,
  judging: (s, done, total) => `${({ read: "读取", judge: "判断" } as Record<string, string>)[s] ?? "处理"} ${done}${total ? ` / ${total}` : ""}`,
  working: (s, done, total) => `${({ read: "读取", judge: "判断", propose: "重放" } as Record<string, string>)[s] ?? "处理"} ${done}${total ? ` / ${total}` : ""}`,
  ended2: (n, wrong, judged) => `${n} 条建议；留存的 ${judged} 个请求里 ${wrong} 个是误报`, evidence: "重放结果", next: "下一条", before: "上一条", rollout: "下发", serial: "序号", mayNot: "你的角色只能看，不能找新的。",
});
