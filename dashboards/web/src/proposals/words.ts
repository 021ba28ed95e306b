import { dictionary } from "../words/dictionary.ts";

export const proposalWords = dictionary("proposals", {
  unblocks: "Blocked requests that would pass", released: "Of these attacks by label or verdict", guard: "Known attacks let through", noGuard: "No known attack at this place to try it against", rollbackHint: "Takes it out of all nodes; it can be applied again.", retireHint: "Takes it out for good; only a new search proposes it again.", hits: (n: string) => `took effect ${n} times`,
  apply: (site: string) => `Apply to ${site}`, tryOut: "Try it out first", otherStage: "Another stage", applyAgain: (site: string) => `Apply to ${site} again`, rollback: "Roll back", retire: "Retire", onlyAdmin: "Only administrators apply exclusions and take them back.", lost: (n: string) => `Lets ${n} known attacks through, so it is not applied to all nodes here.`, disputed: (n: string) => `The verdict is sure that ${n} of these are attacks, so it has to be tried out first, in shadow or canary.`,
  busy: "Working", appliedToast: (site: string) => `Applied to ${site}`, shadowToast: "Shadowing: both rule sets judge, the old one decides", rolledBack: (id: number) => `${id} rolled back`, retired: (id: number) => `${id} retired`, failed: (why: string) => `Not done: ${why}`,
  copy: "Copy directive", copied: "Directive copied", expires: (d: string) => `Expires ${d}`, never: "Never expires", willExpire: (d: string) => `Would expire ${d}, in 90 days`,
  proposed: "Proposed", applied: "Applied", expired: "Expired", retiredState: "Retired", rolled_back: "Rolled back", shadowing: "Shadowing", canary: "Canary",
  by: (who: string, when: string) => `${who}, ${when}`, reason: (rules: string) => `false positives of ${rules}`, reasonMissed: (rules: string) => `attacks missed without ${rules}`,
  otherTrial: "something else is on trial; apply it to all nodes or end it first", exclusion: "Exclusion", promotion: "Promotion", catches: "Missed attacks that would be blocked", blocks: "Harmless requests that would be blocked", cost: (p: string, lo: string, hi: string) => `${p} of the harmless requests of the site (95 % interval ${lo} – ${hi})`,
  show: "Show", showThem: (what: string) => `Show: ${what}`, canaryToast: (n: number) => `Canary: decides for ${n} % of the clients`,
  how: "How to bring it to the nodes", stShadow: "Shadow", stCanary: "Canary", stAll: "All nodes", start: "Start", cancel: "Cancel", share: "Share of the clients", nodes: "Nodes", noNodes: "Choose at least one connected node.",
  hintShadow: "Judges a sample of the requests beside the rules in use and decides nothing. The difference is counted.", hintCanary: "Decides for a fixed share of the clients. Nodes take it back by themselves if blocks or errors jump.", hintAll: "Decides for all clients on all nodes.",
  expiresIn: "Expires in", days: (n: number) => `${n} days`, owner: "Owner", why: "Reason", because: (why: string) => `Reason: ${why}`,
  noHits: "No request has needed it yet", noHitsInShadow: "Hits are counted once it decides", lastHit: (day: string) => `last on ${day}`, sinceThen: "Decisions there since then",
}, {
  unblocks: "会恢复放行的拦截", released: "其中按标注或模型认作攻击", guard: "会漏放的已知攻击", noGuard: "此处没有已知攻击可供检验", rollbackHint: "从全部节点撤下，之后可再应用。", retireHint: "从全部节点撤下且不能再应用，重新查找才会再提出。", hits: (n) => `已生效 ${n} 次`,
  apply: (site) => `应用到 ${site}`, tryOut: "先试用", otherStage: "换个阶段", applyAgain: (site) => `再次应用到 ${site}`, rollback: "回滚", retire: "停用", onlyAdmin: "只有管理员可以应用、回滚和停用排除。", lost: (n) => `会漏放 ${n} 个已知攻击，因此不能在这里应用到全部。`, disputed: (n) => `模型认定其中 ${n} 个是攻击，要先试用（观察或灰度），再应用到全部。`,
  busy: "处理中", appliedToast: (site) => `已应用到 ${site}`, shadowToast: "观察中：新旧规则集同时判，以旧规则为准", rolledBack: (id) => `${id} 已回滚`, retired: (id) => `${id} 已停用`, failed: (why) => `未完成：${why}`,
  copy: "复制指令", copied: "指令已复制", expires: (d) => `${d} 到期`, never: "不过期", willExpire: (d) => `${d} 到期，即 90 天后`,
  proposed: "建议", applied: "已应用", expired: "已过期", retiredState: "已停用", rolled_back: "已回滚", shadowing: "观察中", canary: "灰度",
  by: (who, when) => `${who}，${when}`, reason: (rules) => `${rules} 误报`, reasonMissed: (rules) => `没有 ${rules} 会漏报`,
  otherTrial: "另有规则在试用，先应用到全部或结束它", exclusion: "排除", promotion: "提级", catches: "会拦住的漏报攻击", blocks: "会误拦的正常请求", cost: (p, lo, hi) => `占该站点正常请求的 ${p}（95 % 区间 ${lo} – ${hi}）`,
  show: "查看", showThem: (what) => `查看：${what}`, canaryToast: (n) => `灰度：对 ${n} % 的客户端生效`,
  how: "怎样下发到节点", stShadow: "观察", stCanary: "灰度", stAll: "全部节点", start: "开始", cancel: "取消", share: "客户端比例", nodes: "节点", noNodes: "至少选一个在线节点。",
  hintShadow: "抽取部分请求，与在用规则同时判定，不影响结果，只统计差别。", hintCanary: "对固定比例的客户端生效。拦截或出错突增时，节点会自行撤回。", hintAll: "对全部节点的全部客户端生效。",
  expiresIn: "有效期", days: (n) => `${n} 天`, owner: "负责人", why: "原因", because: (why) => `原因：${why}`,
  noHits: "还没有请求用到它", noHitsInShadow: "生效后才统计次数", lastHit: (day) => `最近一次在 ${day}`, sinceThen: "应用后此处的判定",
});
