import { dictionary } from "../../words/dictionary.ts";

export const ruleWords = dictionary("rules", {
  title: "Rules", list: "Rules", find: "Find a rule", all: "All", finding: "Found something", correlations: "Correlations", count: (n: string) => `${n} rules in use`,
  rejected: (n: number) => (n === 1 ? "1 file is not in use" : `${n} files are not in use`), warnings: (n: number) => (n === 1 ? "1 warning" : `${n} warnings`), at: (l: number, c: number) => `line ${l}, column ${c}`,
  level: "Level", rule: "Rule", hits: "Findings", status: "Status", silentRule: "gives no findings of its own", correlation: "Correlation",
  hitsIn: (n: string) => `${n} findings in this range`, none: "No rule matches this.", choose: "Choose a rule to read it and try it on an event.",
  fps: "Known false positives", refs: "References", tags: "Tags", refers: "Looks at", referred: "Looked at by", author: "Author", file: "File", text: "Text", findings: "Its findings",
  bench: "Test bench", benchHint: "Paste a record as a log has it, or an event as JSON", run: "Test", matched: "Matches", unmatched: "Does not match", parse: "The record could not be read whole", because: "Because", instead: "It would need", wanted: "must hold", not: "must not hold", has: "has", nothing: "nothing", event: "What the record became",
  next: "Next rule", before: "Previous rule",
}, {
  title: "规则", list: "规则", find: "查找规则", all: "全部", finding: "有命中", correlations: "关联规则", count: (n) => `${n} 条规则在用`,
  rejected: (n) => `${n} 个文件没有启用`, warnings: (n) => `${n} 条提醒`, at: (l, c) => `第 ${l} 行第 ${c} 列`,
  level: "级别", rule: "规则", hits: "告警", status: "状态", silentRule: "自身不产生告警", correlation: "关联",
  hitsIn: (n) => `这段时间 ${n} 条告警`, none: "没有匹配的规则。", choose: "选一条规则，看内容，用事件试一试。",
  fps: "已知误报", refs: "参考", tags: "标签", refers: "依据的规则", referred: "被这些规则引用", author: "作者", file: "文件", text: "原文", findings: "它的告警",
  bench: "试验台", benchHint: "粘贴一条日志原文，或 JSON 事件", run: "试一下", matched: "命中", unmatched: "没有命中", parse: "这条记录没能完整解析", because: "因为", instead: "还需要", wanted: "应成立", not: "应不成立", has: "实际是", nothing: "没有", event: "记录解析成的事件",
  next: "下一条", before: "上一条",
});
