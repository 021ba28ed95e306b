import { dictionary } from "../words/dictionary.ts";

export const proposalWords = dictionary("proposals", {
  unblocks: "Blocked requests that would pass", released: "Of these taken for attacks", guard: "Known attacks let through", hits: (n: string) => `took effect ${n} times`,
  apply: (site: string) => `Apply to ${site}`, shadow: "Shadow first", rollback: "Roll back", retire: "Retire", onlyAdmin: "An administrator can apply it.", lost: (n: string) => `Lets ${n} known attacks through. Narrow it first.`, disputed: (n: string) => `The verdict is sure that ${n} of these are attacks, so it has to be tried out first: shadow, then apply.`,
  busy: "Working", appliedToast: (site: string) => `Exclusion applied to ${site}`, shadowToast: "Shadowing: both rule sets judge, the old one decides", rolledBack: (id: number) => `Exclusion ${id} rolled back`, retired: (id: number) => `Exclusion ${id} retired`, failed: (why: string) => `Not done: ${why}`,
  copy: "Copy directive", copied: "Directive copied", expires: (d: string) => `Expires ${d}`, never: "Never expires", willExpire: (d: string) => `Would expire ${d}, in 90 days`,
  proposed: "Proposed", applied: "Applied", expired: "Expired", retiredState: "Retired", rolled_back: "Rolled back", shadowing: "Shadowing", canary: "Canary",
  by: (who: string, when: string) => `${who}, ${when}`, reason: (rules: string) => `false positives of ${rules}`, wholeSite: "whole site",
}, {
  unblocks: "会恢复放行的拦截", released: "其中模型认为是攻击", guard: "会漏放的已知攻击", hits: (n) => `已生效 ${n} 次`,
  apply: (site) => `应用到 ${site}`, shadow: "先观察", rollback: "回滚", retire: "停用", onlyAdmin: "管理员可以应用。", lost: (n) => `会漏放 ${n} 个已知攻击，先缩小范围。`, disputed: (n) => `模型认定其中 ${n} 个是攻击，要先观察，再应用。`,
  busy: "处理中", appliedToast: (site) => `排除已应用到 ${site}`, shadowToast: "观察中：新旧规则集同时判，旧的说了算", rolledBack: (id) => `排除 ${id} 已回滚`, retired: (id) => `排除 ${id} 已停用`, failed: (why) => `没做成：${why}`,
  copy: "复制指令", copied: "指令已复制", expires: (d) => `${d} 到期`, never: "不过期", willExpire: (d) => `${d} 到期，即 90 天后`,
  proposed: "建议", applied: "已应用", expired: "已过期", retiredState: "已停用", rolled_back: "已回滚", shadowing: "观察中", canary: "灰度",
  by: (who, when) => `${who}，${when}`, reason: (rules) => `${rules} 误报`, wholeSite: "整个站点",
});
