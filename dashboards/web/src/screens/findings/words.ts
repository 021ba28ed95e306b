import { dictionary } from "../../words/dictionary.ts";

export const findingWords = dictionary("findings", {
  title: "Findings", list: "Findings", state: "State", open: "Open", mine: "Mine", closed: "Closed", every: "All",
  time: "Time", severity: "Severity", rule: "Rule", source: "Source", what: "Where", assignee: "Owner", status: "State",
  new: "New", acknowledged: "In work", closedState: "Closed", nobody: "nobody",
  ack: "Take into work", close: "Close", reopen: "Reopen", assignMe: "Assign to me", release: "Release", note: "Why, for the history", needNote: "Say why it is closed.", save: "Save note",
  history: "History", untouched: "Nobody has touched it yet.", events: "Events it is about", allEvents: "Search these events", openRule: "Open the rule", why: "Why it matched", by: (who: string) => `by ${who}`,
  acked: (r: string) => `Taken into work: ${r}`, closedToast: (r: string) => `Closed: ${r}`, reopened: (r: string) => `Reopened: ${r}`, assigned: (r: string) => `Yours now: ${r}`, noted: "Note kept", released: (r: string) => `Released: ${r}`,
  failed: (why: string) => `Not changed: ${why}`, conflict: "Somebody changed it in the meantime. Look again.",
  empty: "No findings here. Rules look at every event; the rules screen shows which.", next: "Next finding", before: "Previous finding", openIt: "Open the finding", dismiss: "Close the pane", loaded: (n: string) => `${n} loaded`, toRules: "Go to rules", mayNot: "Your role may look at findings and not change them.",
}, {
  title: "告警", list: "告警", state: "状态", open: "未关闭", mine: "我的", closed: "已关闭", every: "全部",
  time: "时间", severity: "级别", rule: "规则", source: "来源", what: "位置", assignee: "负责人", status: "状态",
  new: "新", acknowledged: "处理中", closedState: "已关闭", nobody: "无人",
  ack: "开始处理", close: "关闭", reopen: "重新打开", assignMe: "指派给我", release: "放手", note: "原因，会记入经过", needNote: "写明关闭的原因。", save: "记下",
  history: "经过", untouched: "还没有人动过。", events: "涉及的事件", allEvents: "检索这些事件", openRule: "打开规则", why: "为什么命中", by: (who) => `由 ${who}`,
  acked: (r) => `开始处理：${r}`, closedToast: (r) => `已关闭：${r}`, reopened: (r) => `已重新打开：${r}`, assigned: (r) => `已归你：${r}`, noted: "已记下", released: (r) => `已放手：${r}`,
  failed: (why) => `没改成：${why}`, conflict: "刚才有别人改过，再看一眼。",
  empty: "这里没有告警。规则会看每一条事件，规则页列出了它们。", next: "下一条", before: "上一条", openIt: "打开告警", dismiss: "关闭侧栏", loaded: (n) => `已加载 ${n} 条`, toRules: "去规则页", mayNot: "你的角色只能看，不能改。",
});
