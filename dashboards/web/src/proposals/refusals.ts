/** Refusals of the server (services/triage/proposals, services/waf/fleet, services/triage), and how they are said in Chinese. */
const refusals: [RegExp, (...g: string[]) => string][] = [
  [/: all nodes use it$/, () => "全部节点已在使用"],
  [/: it is retired; a new job proposes it anew$/, () => "已经停用，重新查找后会再次提出"],
  [/: the verdict takes (\d+) of what it frees for sure attacks, so it has to be tried out in shadow or canary first$/, (n) => `模型认定其中 ${n} 个是攻击，要先观察或灰度`],
  [/: bundle (\S+) is being tried out, which has to go to all nodes or be taken back first$/, (id) => `规则包 ${id} 正在试用，先应用到全部节点或撤回它`],
  [/: it has expired before, so it needs a new time$/, () => "以前过期了，要给新的到期时间"],
  [/: the time is over$/, () => "到期时间已经过去"],
  [/: the bundle that is tried out has another expiry; take it back to change that$/, () => "正在试用的规则包到期时间不同，先撤回才能改"],
  [/: the bundle that is tried out is owned by "?(.+?)"?; take it back to change that$/, (who) => `正在试用的规则包由 ${who} 负责，先撤回才能改`],
  [/: to retire it is not possible now: it is$/, () => "已经停用"],
  [/: to roll it back is not possible now: it is not in use$/, () => "没有在用，不用回滚"],
  [/another job looks for proposals: wait until it ends$/, () => "另一次查找还没结束，等它结束"],
  [/another what-if is under way: wait until it ends, or stop it$/, () => "另一次假如计算还没结束，等它结束或停下它"],
  [/: look at what would be labelled again$/, () => "这一组刚有变化，重新看过再标注"],
  [/: no label holds$/, () => "已经没有标注可撤销"],
  [/, or all of them are undone already$/, () => "没有可撤销的标注，或已经全部撤销"],
  [/^filter of \d+ bytes is not valid: want at most (\d+) for a draw$/, (most) => `抽样的过滤条件最多 ${most} 字节`],
];

/** refusalSaid says why the server did not do something: in its own words, told as such, if there are no others. */
export function refusalSaid(message: string, language: "zh-CN" | "en"): string {
  if (language === "en" || /[\u4e00-\u9fff]/.test(message)) return message;
  for (const [form, say] of refusals) {
    const m = form.exec(message);
    if (m) return say(...m.slice(1));
  }
  return `服务器原文：${message}`;
}
