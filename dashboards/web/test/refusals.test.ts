import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalSaid } from "../src/proposals/refusals.ts";

test("why the server refuses is said in Chinese, or told to be its own words", () => {
  const f = (message: string, zh: string) => {
    assert.equal(refusalSaid(message, "zh-CN"), zh);
    assert.equal(refusalSaid(message, "en"), message);
  };
  f("proposal 9500001: to apply it is not possible now: all nodes use it", "全部节点已在使用");
  f("proposal 9500001: to apply it is not possible now: it is retired; a new job proposes it anew", "已经停用，重新查找后会再次提出");
  f("proposal 9500001: to apply it to all is not possible now: the verdict takes 3 of what it frees for sure attacks, so it has to be tried out in shadow or canary first", "模型认定其中 3 个是攻击，要先观察或灰度");
  f("proposal 9500001: to apply it is not possible now: bundle 0123456789ab is being tried out, which has to go to all nodes or be taken back first", "规则包 0123456789ab 正在试用，先应用到全部节点或撤回它");
  f("proposal 9500001: to retire it is not possible now: it is", "已经停用");
  f("proposal 9500001: to roll it back is not possible now: it is not in use", "没有在用，不用回滚");
  f("expires: is not valid: it has expired before, so it needs a new time", "以前过期了，要给新的到期时间");
  f("expires: is not valid: the time is over", "到期时间已经过去");
  f("expires: is not valid: the bundle that is tried out has another expiry; take it back to change that", "正在试用的规则包到期时间不同，先撤回才能改");
  f('owner: is not valid: the bundle that is tried out is owned by "ann"; take it back to change that', "正在试用的规则包由 ann 负责，先撤回才能改");
  f("another job looks for proposals: wait until it ends", "另一次查找还没结束，等它结束");
  f("another what-if is under way: wait until it ends, or stop it", "另一次假如计算还没结束，等它结束或停下它");
  f('group of "a": it conflicts: look at what would be labelled again', "这一组刚有变化，重新看过再标注");
  f("label of the decision is undone: no label holds", "已经没有标注可撤销");
  f("labels of act 7: not found, or all of them are undone already", "没有可撤销的标注，或已经全部撤销");
  f("filter of 9000 bytes is not valid: want at most 4096 for a draw", "抽样的过滤条件最多 4096 字节");
  f("something of another server", "服务器原文：something of another server");
  f("模型没有读到", "模型没有读到");
});
