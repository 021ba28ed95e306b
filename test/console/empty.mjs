// Looks at every screen of a server on which nothing has happened, in both languages:
//   node empty.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS TOKEN RECORD
// and once more after RECORD, a decision of the format coraza.audit, has come in. Each
// says what is so and what to do. Prints what is wrong, one line each, and ends with 1
// if anything is.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { look, watch } from "./checks.mjs";
import { signedIn } from "./signin.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, link, out, token, record] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

/** The screens, and what they say while there is nothing, in Chinese and in English. */
const screens = [
  { path: "/overview", zh: ["没有 WAF 判定", "gatewatch-waf --listen", "还算不出误报率", "去节点页"], en: ["No WAF decisions", "gatewatch-waf --listen", "no rate of wrong ones", "Go to nodes"] },
  { path: "/search", zh: ["一条事件也没有", "gatewatch ingest --server"], en: ["No events at all", "gatewatch ingest --server"] },
  { path: "/decisions", zh: ["没有判定", "gatewatch-waf --listen"], en: ["No decisions", "gatewatch-waf --listen"] },
  { path: "/decisions?queue=sample", zh: ["还没有抽样"], en: ["Nothing is drawn"] },
  { path: "/findings", zh: ["没有告警"], en: ["No findings"] },
  { path: "/rules", zh: ["规则"], en: ["Rules"] }, // the pack is there from the start
  { path: "/tuning", zh: ["还没有"], en: ["Nothing here yet"] },
  { path: "/tuning?view=whatif", zh: ["还没有曲线"], en: ["No curve yet"] },
  { path: "/nodes", zh: ["token create --node", "gatewatch ingest --server"], en: ["token create --node", "gatewatch ingest --server"] },
  { path: "/screen/attacks", zh: ["还没有请求到达", "gatewatch-waf --upstream"], en: ["No request has come yet", "gatewatch-waf --upstream"] },
  { path: "/screen/gateway", zh: ["还没有网关送来访问日志", "gatewatch ingest --server"], en: ["No gateway has sent", "gatewatch ingest --server"] },
];

const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const state = await signedIn(browser, link);
for (const lang of ["zh-CN", "en"]) await each(lang, 0);
await send();
for (const lang of ["zh-CN", "en"]) await each(lang, 1);
await browser.close();
console.log(`${screens.length * 4} views, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function each(lang, events) {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: lang, timezoneId: "Asia/Shanghai", reducedMotion: "reduce", storageState: state });
  c.setDefaultTimeout(120_000); // the machine does much else
  await c.addInitScript(watch);
  await c.addInitScript((l) => localStorage.setItem("gw.language", l), lang);
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: base }]);
  for (const s of screens) {
    const at = `${s.path} ${lang} with ${events}`;
    const page = await c.newPage();
    page.on("pageerror", (e) => say(`${at}: ${e.message}`));
    await page.goto(base + s.path);
    const wall = s.path.startsWith("/screen");
    if (wall) await page.waitForFunction(() => document.getElementById("main")?.dataset.time !== undefined);
    else await page.waitForLoadState("networkidle");
    if (events === 0) {
      for (const text of lang === "en" ? s.en : s.zh) {
        try {
          await page.getByText(text).first().waitFor({ timeout: 120_000 });
        } catch {
          say(`${at}: does not say ${text}`);
        }
      }
    }
    await page.screenshot({ path: join(out, `empty-${events}-${s.path.replace(/\W+/g, "-")}-${lang}.png`) });
    for (const f of [...(await page.evaluate(look, lang)), ...(await page.evaluate(hollow, events))]) say(`${at}: ${f}`);
    await page.close();
  }
  await c.close();
}

/** hollow runs in the page: shares of nothing, and boxes in which nothing is. */
function hollow(events) {
  const wrong = [];
  const text = document.body.innerText;
  for (const [m] of text.matchAll(/\b0 (?:of|\/) 0\b|\b0 个中 0/g)) wrong.push(`a share of nothing: ${m}`);
  if (events === 0) for (const el of document.querySelectorAll(".hist, .area")) wrong.push(`a chart of nothing: ${el.className}`);
  for (const p of document.querySelectorAll(".panel, .column > section")) {
    if (p.innerText.trim().split("\n").length < 2) wrong.push(`a box with nothing in it: ${p.innerText}`);
  }
  return wrong;
}

/** send has the record come in, and waits until it is found. */
async function send() {
  const call = async (path, body) => {
    const r = await fetch(base + path, { method: body ? "POST" : "GET", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!r.ok) throw new Error(`${path}: ${r.status} ${await r.text()}`);
    return r.json();
  };
  await call("/api/v1/ingest", { source: "gateway-1", format: "coraza.audit", records: [{ raw: Buffer.from(record).toString("base64") }] });
  for (const until = Date.now() + 60_000; ; await new Promise((done) => setTimeout(done, 100))) {
    if ((await call("/api/v1/decisions:groups")).decisions === 1) return;
    if (Date.now() > until) throw new Error("the decision is not listed");
  }
}
