import { phrases, places, tongues } from "./phrases.ts";

type Rule = [RegExp, (...m: string[]) => string];

/** Sentences of the verdict and how they are said in Chinese. */
const rules: Rule[] = [
  [/^base rate of the model and correction on held-out sources$/, () => "模型基准率与校正"],
  [/^([\d.e-]+) % of requests are taken to be attacks$/, (p) => `先验：攻击约占请求的 ${p} %`],
  [/^how suspicious the second worst value is$/, () => "第二可疑的值"],
  [/^(\d+) values in the request; in much text something is always unusual$/, (n) => `请求含 ${n} 个值，内容多则难免有异常`],
  [/^of no attack language$/, () => "不含攻击语言"],
  [/^of (.+)$/, (l) => `含${l.split(", ").map((x) => tongues[x] ?? x).join("、")}语法`],
  [/^no rule scored$/, () => "没有规则计分"],
  [/^(\d+) rules scored (\d+), gravest is rule (\d+)$/, (n, s, r) => `${n} 条规则共 ${s} 分，最重的是 ${r}`],
  [/^no content$/, () => "没有内容"],
  [/^several lines with sentences$/, () => "多行的自然语句"],
  [/^sentences$/, () => "自然语句"],
  [/^several lines$/, () => "多行文本"],
  [/^an identifier$/, () => "像标识符"],
  [/^neither sentences nor an identifier$/, () => "既非语句也非标识符"],
  [/^signed in, in a session that the application gave out$/, () => "已登录，会话由应用发出"],
  [/^in a session that the application gave out$/, () => "会话由应用发出"],
  [/^says it is signed in$/, () => "自称已登录"],
  [/^says it has a session$/, () => "自称有会话"],
  [/^the client sends again what was blocked, unchanged$/, () => "客户端原样重发拦截过的请求"],
  [/^the client had the like blocked and sends it changed, (\d+) times so far$/, (n) => `客户端改动后重发，已 ${n} 次`],
  [/^the application failed with (\d+), which it seldom does here$/, (n) => `应用返回 ${n}，这里很少见`],
  [/^the application failed with (\d+)$/, (n) => `应用返回 ${n}`],
  [/^the application has nothing there$/, () => "应用那里没有内容"],
  [/^an answer of (\d+) bytes, where (\d+) are usual$/, (a, b) => `回应 ${a} 字节，平常是 ${b}`],
  [/^of its last (\d+) requests (\d+) look like attacks$/, (n, k) => `最近 ${n} 次请求里 ${k} 次像攻击`],
  [/^its requests matched (\d+) attack rules$/, (n) => `它的请求命中过 ${n} 条攻击规则`],
  [/^(\d+) % of its requests found nothing$/, (p) => `它的请求有 ${p} % 落空`],
  [/^about (\d+) requests in the last minutes$/, (n) => `最近几分钟约 ${n} 次请求`],
  [/^its last (\d+) requests gave no reason to suspect it$/, (n) => `最近 ${n} 次请求无可疑之处`],
  [/^(\d+) rules over other logs found this client$/, (n) => `其他日志里有 ${n} 条规则发现过它`],
  [/^(.+): signed-in people of (\d+) among (\d+) other networks send what looks as suspicious$/, (p, a, n) => `${place(p)}：${n} 个其他网段里 ${a} 个有登录用户发类似内容`],
  [/^(.+): none of (\d+) other networks sends the like$/, (p, n) => `${place(p)}：${n} 个其他网段都不发类似内容`],
  [/^(.+): of (\d+) earlier values (\d+) % look as suspicious, at the least usual time$/, (p, n, s) => `${place(p)}：以往 ${n} 个值里 ${s} % 同样可疑`],
  [/^(.+): rule (\d+) matched (\d+) % of (\d+) earlier values, at the least usual time$/, (p, r, s, n) => `${place(p)}：${r} 命中以往 ${n} 个值的 ${s} %`],
  [/^of (\d+) labelled decisions of this site, path, rule and variable (\d+) were attacks; they count as ([\d.]+)$/, (n, a) => `同类已标注 ${n} 条，其中 ${a} 条是攻击`],
  [/^(\d+) other requests of this client on (\d+) paths are surely attacks$/, (n, p) => `该客户端另有 ${n} 次请求在 ${p} 个路径上确为攻击`],
  [/^judged again at paranoia level 4: no rule that names an attack matches$/, () => "按偏执级别 4 复判：没有攻击规则命中"],
  [/^judged again at paranoia level 4: rules? (.+) match, which were not in use$/, (r) => `按偏执级别 4 复判：${r} 命中，平时未启用`],
  [/^the rules of paranoia levels 2 to 4 came to no end$/, () => "偏执级别 2 到 4 的规则没有跑完"],
];

function place(p: string): string {
  return places[p] ?? p;
}

/** inChinese says a reason in Chinese, undefined if it is not known. */
export function inChinese(detail: string): string | undefined {
  const [where, what] = cut(detail);
  if (what !== undefined) return `${where}：${what}`;
  if (phrases[detail]) return phrases[detail];
  for (const [rx, say] of rules) {
    const m = rx.exec(detail);
    if (m && !(rx.source === "^of (.+)$" && !known(m[1]!))) return say(...m.slice(1));
  }
  return undefined;
}

function known(list: string): boolean {
  return list.split(", ").every((x) => tongues[x] !== undefined);
}

/** cut reads: place "name": phrase, phrase. */
function cut(detail: string): [string, string | undefined] {
  const m = /^([A-Za-z ]+?)(?: ("(?:\\.|[^"\\])*"))?: (.+)$/.exec(detail);
  if (!m || places[m[1]!] === undefined) return ["", undefined];
  const said = m[3]!.split(/, (?!variables)/).map((x) => phrases[x]);
  const whole = phrases[m[3]!];
  if (whole === undefined && said.some((x) => x === undefined)) return ["", undefined];
  return [`${places[m[1]!]}${m[2] ? ` ${m[2].slice(1, -1)}` : ""}`, whole ?? said.join("，")];
}
