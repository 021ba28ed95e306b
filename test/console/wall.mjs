// Looks at the screens on a wall in Chromium: each in both languages, with hostile texts
// in every field, without a server, and all at once for long:
//   node wall.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS MILLISECONDS
// The states are made up and come through a gateway that the test takes away. Of 0
// milliseconds the screens get hundreds of states as fast as they show them, else one
// in 3 s. Prints what is wrong, one line each, and ends with 1 if anything is.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { look, watch } from "./checks.mjs";
import { Front } from "./front.mjs";
import { payloads } from "./payloads.mjs";
import { signedIn } from "./signin.mjs";
import { state } from "./states.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, link, out, lasting] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const names = ["attacks", "gateway"];
const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--js-flags=--expose-gc"] });
const kept = await signedIn(browser, link);
const front = new Front(base);
await front.listen();
for (const lang of ["zh-CN", "en"]) {
  for (const name of names) await eachScreen(name, lang);
}
for (const name of names) await hostile(name);
await empty();
for (const lang of ["zh-CN", "en"]) await early(lang);
await missing();
await gone();
await last();
await browser.close();
front.close();
console.log(`${names.length} screens, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

/** open shows a screen and the state that was sent last. */
async function open(name, lang, motion = "reduce") {
  const c = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: lang, timezoneId: "Asia/Shanghai", reducedMotion: motion, ...(kept ? { storageState: kept } : {}) });
  c.setDefaultTimeout(120_000); // the machine does much else
  await c.addInitScript(watch);
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: front.url }]);
  const page = await c.newPage();
  page.on("pageerror", (e) => say(`${name} ${lang}: ${e.message}`));
  page.on("console", (m) => m.type() === "error" && !front.gone && say(`${name} ${lang}: console: ${m.text()}`));
  page.on("request", (r) => !r.url().startsWith(front.url) && !/^(data|blob):/.test(r.url()) && say(`${name} ${lang}: asks ${r.url()}`));
  await page.goto(`${front.url}/screen/${name}?lang=${lang}`);
  return page;
}

/** shown waits until a page shows a state. */
async function shown(page, s) {
  await page.waitForFunction((t) => document.getElementById("main")?.dataset.time === t, s.time);
}

async function show(page, s) {
  front.send(s);
  await shown(page, s);
}

/** drawn waits until the map, if there is one, has its ground. */
async function drawn(page) {
  await page.waitForFunction(() => {
    if (!document.querySelector(".map")) return true;
    return [...document.querySelectorAll(".map canvas")].some((c) => {
      if (c.width === 0) return false;
      const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
      let n = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] > 60) n++;
      return n > 5000;
    });
  }, undefined, { polling: 300 });
}

/** fits runs in the page: what does not fit in its place, or is empty. */
function fits() {
  const wrong = [];
  for (const c of document.querySelectorAll(".column")) {
    if (c.scrollHeight > c.clientHeight + 1) wrong.push(`${c.className} is ${c.scrollHeight} high`);
  }
  const panels = [...document.querySelectorAll(".column > section")];
  if (panels.length < 7) wrong.push(`${panels.length} panels`);
  for (const s of panels) {
    const title = s.querySelector("h2")?.firstChild.data ?? s.className;
    if (s.innerText.trim().length < 8) wrong.push(`empty: ${title}`);
    for (const el of [s, ...s.querySelectorAll("*:not(canvas)")]) {
      if (el.closest("svg, .ctl, .chart") || getComputedStyle(el).overflow === "hidden" || el.parentElement.closest(".el")) continue;
      const [a, b] = [el.getBoundingClientRect(), s.parentElement.getBoundingClientRect()];
      if (a.right > b.right + 2 || a.left < b.left - 2) wrong.push(`${title}: sticks out: ${el.className} ${el.innerText?.slice(0, 30)}`);
    }
  }
  return wrong;
}

async function check(page, at, lang) {
  for (const f of [...(await page.evaluate(look, lang)), ...(await page.evaluate(fits))]) say(`${at}: ${f}`);
}

async function eachScreen(name, lang) {
  front.send(state(0));
  const page = await open(name, lang, "no-preference");
  await shown(page, state(0));
  await drawn(page);
  await show(page, state(1));
  const n = (await page.locator("[data-n]").first().getAttribute("data-n")) ?? "";
  await page.waitForFunction((want) => document.querySelector("[data-n]").textContent.replaceAll(",", "") === want, n);
  await page.screenshot({ path: join(out, `wall-${name}-${lang}.png`) });
  await check(page, `${name} ${lang}`, lang);
  await page.context().close();
}

async function hostile(name) {
  front.send(state(0));
  const page = await open(name, "en");
  await shown(page, state(0));
  for (const [i, p] of payloads.entries()) {
    await show(page, state(i + 1, p));
    await check(page, `${name} hostile ${i}`, "en");
  }
  await page.screenshot({ path: join(out, `wall-${name}-hostile.png`) });
  await page.context().close();
}

/** empty shows a day on which nothing has happened. */
async function empty() {
  const s = { time: state(0).time, day_start: state(0).day_start, masked: true };
  for (const name of names) {
    front.send(s);
    const page = await open(name, "zh-CN");
    await shown(page, s);
    await drawn(page);
    await page.screenshot({ path: join(out, `wall-${name}-empty.png`) });
    await check(page, `${name} empty`, "zh-CN");
    await page.context().close();
  }
}

/** early shows what is known before a minute is over. */
async function early(lang) {
  const at = (back) => new Date(new Date(state(0).time).getTime() - back * 1000).toISOString();
  const s = {
    ...state(0), trend: [], counted_from: at(30), feed: [], rates: [],
    totals: { requests: 505, blocked: 52, allowed: 453, findings: 43, requests_last_minute: 491, requests_peak_minute: 505 },
    upstreams: state(0).upstreams.slice(0, 1).map((u) => ({ ...u, requests: [...Array(59).fill(0), 40], failed: [], minute_p95_ms: [] })),
  };
  const want = {
    attacks: { "zh-CN": ["491", "今日峰值 505", "开始统计后没有新的", "满 5 分钟后画出曲线"], en: ["491", "peak today 505", "no new one since", "begins after the first 5 minutes"] },
    gateway: { "zh-CN": ["14:59 起 40 次", "14:59:10 开始统计"], en: ["40 since 14:59", "Counting since 14:59:10"] },
  };
  for (const name of names) {
    front.send(s);
    const page = await open(name, lang);
    await shown(page, s);
    await drawn(page);
    const text = await page.locator("#main").textContent();
    for (const part of want[name][lang]) if (!text.includes(part)) say(`${name} ${lang} early: does not say ${part}`);
    for (const d of await page.locator(".traffic path").evaluateAll((all) => all.map((p) => p.getAttribute("d")))) {
      if (d.includes("L")) say(`${name} ${lang} early: draws ${d.slice(0, 40)}`);
    }
    await page.screenshot({ path: join(out, `wall-${name}-early-${lang}.png`) });
    await check(page, `${name} ${lang} early`, lang);
    await page.context().close();
  }
}

async function missing() {
  const page = await open("nowhere", "en");
  await page.getByText("There is no screen nowhere").waitFor();
  if ((await page.locator(".say a").count()) < names.length) say("a screen that there is not does not name those that there are");
  await page.context().close();
}

/** gone takes the server away: the screen says so, and goes on when it is back. */
async function gone() {
  front.send(state(0));
  const page = await open("attacks", "zh-CN");
  await shown(page, state(0));
  front.leave();
  await page.getByText("数据停在 14:59:40，正在重连").waitFor({ timeout: 60_000 });
  await page.screenshot({ path: join(out, "wall-attacks-gone.png") });
  if ((await page.locator(".stage.stale").count()) !== 1) say("old figures do not look old");
  front.last = undefined;
  front.come();
  front.send(state(1));
  await page.waitForFunction((t) => document.getElementById("main")?.dataset.time === t, state(1).time, { timeout: 120_000 });
  if ((await page.locator(".stage.stale, .said").count()) !== 0) say("the screen stays old after the server is back");
  await page.context().close();
}

/** last compares what the screens, all shown at once, hold after many states with what they held after some. */
async function last() {
  front.send(state(0));
  const pages = [];
  for (const name of names) {
    const page = await open(name, "zh-CN", "no-preference");
    await shown(page, state(0));
    pages.push({ name, page, cdp: await page.context().newCDPSession(page) });
  }
  let n = 0;
  const next = async () => {
    const s = state(++n);
    front.send(s);
    await Promise.all(pages.map(({ page }) => shown(page, s)));
  };
  const some = async (states) => {
    if (Number(lasting) === 0) {
      for (const end = n + states; n < end; ) await next();
    } else {
      for (const end = Date.now() + Number(lasting) / 2; Date.now() < end; ) {
        await next();
        await new Promise((done) => setTimeout(done, 3000));
      }
    }
    return Promise.all(pages.map(({ cdp }) => held(cdp)));
  };
  const [before, after] = [await some(80), await some(120)];
  for (const [i, { name, page }] of pages.entries()) {
    const [was, is] = [before[i], after[i]];
    console.log(`${name}: after ${n} states ${JSON.stringify(was)} -> ${JSON.stringify(is)}`);
    if (is.heap > was.heap + 1_000_000) say(`${name}: the heap grows from ${was.heap} to ${is.heap}`);
    if (is.nodes > was.nodes + 100) say(`${name}: nodes grow from ${was.nodes} to ${is.nodes}`);
    if (is.listeners > was.listeners + 10) say(`${name}: listeners grow from ${was.listeners} to ${is.listeners}`);
    await page.context().close();
  }
}

/** held is what a page holds after everything that can go has gone. */
async function held(cdp) {
  for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}
