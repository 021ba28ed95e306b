import { dictionary } from "../words/dictionary.ts";

/** Words of what is on trial, and of what nodes make of it. */
export const rolloutWords = dictionary("rollout", {
  title: "Rollout", onTrial: "On trial", shadow: "in shadow: both rule sets judge, the one in use decides", canary: (share: string) => `for ${share} of the clients`,
  where: (nodes: string) => `on ${nodes}`, allNodes: "all nodes", by: (who: string, when: string) => `${who}, ${when}`, exclusion: (id: number) => `Proposal ${id}`, bundle: (name: string) => `Bundle ${name}`,
  none: "Nothing is on trial.", noneYet: "No rules have been rolled out. Nodes judge by their own.", inUse: (uses: number, of: number) => `${uses} of ${of} nodes use it`,
  away: "Away", refused: "Refused", withdrawn: "Took it back", waiting: "Fetching", apart: "Not part of it", uses: "In use",
  node: "Node", state: "State", judged: "Judged", blockedNow: "Blocked, rules in use", blockedTrial: "Blocked, on trial", errors: "Errors", newlyBlocked: "Would block", newlyAllowed: "Would let pass", same: "As before",
  skipped: (n: string) => `${n} not judged twice, for want of time`, since: "Counted since each node took it.", noCounts: "No requests yet.",
  toAll: "Apply to all nodes", end: "End the trial", promoted: "Applied to all nodes", trialEnded: "Trial ended; the rules in use stay", failed: (why: string) => `Not done: ${why}`, changed: "the rollout has changed since; look again",
  takenBack: (when: string) => `The last rollout ended by itself ${when}:`, onlyAdmin: "An administrator can promote or end it.", toTuning: "Tuning", history: "Last rollouts",
  when: "When", what: "What", who: "Who", why: "Why", own: "nodes' own rules", stageAll: (name: string) => `all nodes: ${name}`, stageShadow: (name: string) => `shadow: ${name}`, stageCanary: (name: string, share: string) => `canary ${share}: ${name}`,
}, {
  title: "下发", onTrial: "试用中", shadow: "观察：两套规则同时判，在用的说了算", canary: (share) => `对 ${share} 的客户端生效`,
  where: (nodes) => `在 ${nodes}`, allNodes: "全部节点", by: (who, when) => `${who}，${when}`, exclusion: (id) => `建议 ${id}`, bundle: (name) => `规则包 ${name}`,
  none: "没有在试用的规则。", noneYet: "还没有下发过规则，节点按自带的规则判。", inUse: (uses, of) => `${of} 个节点里 ${uses} 个已在用`,
  away: "未连接", refused: "拒绝", withdrawn: "已自行撤回", waiting: "获取中", apart: "不参与", uses: "已在用",
  node: "节点", state: "状态", judged: "判过", blockedNow: "拦截（在用规则）", blockedTrial: "拦截（试用规则）", errors: "出错", newlyBlocked: "会新拦截", newlyAllowed: "会放行", same: "判得一样",
  skipped: (n) => `${n} 个来不及判两遍`, since: "从各节点取得时算起。", noCounts: "还没有请求。",
  toAll: "应用到全部节点", end: "结束试用", promoted: "已应用到全部节点", trialEnded: "试用已结束，在用的规则没变", failed: (why) => `没做成：${why}`, changed: "下发状态已变，再看一眼",
  takenBack: (when) => `上一次下发在${when}自行撤回：`, onlyAdmin: "管理员可以应用或结束。", toTuning: "调优", history: "最近的下发",
  when: "时间", what: "内容", who: "谁", why: "原因", own: "节点自带的规则", stageAll: (name) => `全部节点：${name}`, stageShadow: (name) => `观察：${name}`, stageCanary: (name, share) => `灰度 ${share}：${name}`,
});
