// Takes proposals through their lives in the console, before a node that makes something
// of them:
//   node life.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS NODE
// Prints what is wrong, one line each, and ends with 1 if anything is.
import http from "node:http";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { axe, look, watch } from "./checks.mjs";
import { signedIn } from "./signin.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [base, link, out, node] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};
const patience = 120_000; // a node tells of itself every ten seconds, and the machine does much else
const wrong = { method: "POST", path: "/blog/save", body: new URLSearchParams({ title: "four", html: `<p>Our <a href="https://shop.example/item/7" onclick="track('news')">new lamp</a> is here.</p><iframe src="https://video.example/embed/9"></iframe>` }).toString() };
const missed = { method: "GET", path: "/t?name=%7B%7B7*7%7D%7D" };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const state = await signedIn(browser, link);
const page = await open("en", "light");
try {
  await page.goto(`${base}/tuning`);
  await exclusion();
  await promotion();
} catch (e) {
  say(e.message);
  await page.screenshot({ path: join(out, "life-fault.png") });
}
await browser.close();
console.log(`${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function open(lang, theme) {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: lang, timezoneId: "Asia/Shanghai", reducedMotion: "reduce", storageState: state });
  await c.addInitScript(watch);
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: base }]);
  await c.addInitScript(([l, t]) => {
    localStorage.setItem("gw.language", l);
    localStorage.setItem("gw.theme", t);
  }, [lang, theme]);
  const p = await c.newPage();
  p.setDefaultTimeout(patience);
  p.on("pageerror", (e) => say(e.message));
  return p;
}

/** exclusion is found, tried out for half of the clients, used by all, counted and rolled back. */
async function exclusion() {
  await page.getByRole("button", { name: "Look for exclusions" }).click();
  const pane = page.locator(".tuv");
  await pane.getByText("Blocked requests that would pass").waitFor();
  await pane.getByRole("button", { name: "Try it out first" }).click();
  await page.keyboard.press("Tab"); // the form is walked through by keyboard
  await pane.getByRole("radio", { name: "Canary" }).click();
  await pane.getByLabel("Share of the clients").selectOption("50");
  await pane.getByLabel("Expires in").selectOption("30");
  await pane.getByLabel("Reason").fill("texts of our editors");
  await pane.getByRole("button", { name: "Start" }).click();
  const trial = page.locator(".ro");
  await trial.getByText("for 50 % of the clients").waitFor();
  await trial.getByText("In use").waitFor();
  await pane.getByText("1 of 1 nodes use it").waitFor();
  await trials();
  await trial.getByRole("button", { name: "Apply to all nodes" }).click();
  await trial.waitFor({ state: "detached" });
  await answers(wrong, 200);
  await pane.getByText("1 of 1 nodes use it").waitFor();
  await pane.getByText(/took effect \d+ times/).waitFor();
  await pane.getByText("texts of our editors").waitFor();
  await page.screenshot({ path: join(out, "life-applied.png") });
  await pane.getByRole("button", { name: "Roll back" }).click();
  await pane.getByText("Rolled back").waitFor();
  await answers(wrong, 403);
}

/** promotion is found, used by all, counted, and taken back with a key. */
async function promotion() {
  await page.getByRole("button", { name: "Look for promotions" }).click();
  const pane = page.locator(".tuv");
  await pane.getByText("Missed attacks that would be blocked").waitFor();
  await pane.getByText("of the harmless requests of the site").waitFor();
  await page.screenshot({ path: join(out, "life-promotion.png") });
  await answers(missed, 200);
  await pane.getByRole("button", { name: "Apply to shop" }).click();
  await pane.getByText("1 of 1 nodes use it").waitFor();
  await answers(missed, 403);
  await pane.getByText(/took effect \d+ times/).waitFor();
  await page.locator("#main").press("KeyZ");
  await pane.getByText("Rolled back").waitFor();
  await answers(missed, 200);
}

/** trials looks at what screens tell of a trial, in both languages and themes. */
async function trials() {
  for (const [lang, theme] of [["zh-CN", "light"], ["zh-CN", "dark"], ["en", "light"], ["en", "dark"]]) {
    const p = await open(lang, theme);
    for (const name of ["tuning", "nodes"]) {
      await p.goto(`${base}/${name}`);
      await p.waitForSelector(".ro .pill");
      await p.waitForLoadState("networkidle");
      if (name === "tuning") await p.locator(".pcard .acts .btn").nth(1).click();
      await p.screenshot({ path: join(out, `life-${name}-${lang}-${theme}.png`) });
      for (const f of await p.evaluate(look, lang)) say(`${name} ${lang} ${theme}: ${f}`);
      // What axe finds differs by theme: each is looked at once.
      if (lang === "en" && (theme === "light") === (name === "tuning")) for (const f of await axe(p, axeSource)) say(`${name} ${lang} ${theme}: ${f}`);
    }
    await p.context().close();
  }
}

/** answers sends a request to the node until it answers with a status. */
async function answers(what, status) {
  const end = Date.now() + patience;
  for (;;) {
    const got = await send(what);
    if (got === status) return;
    if (Date.now() > end) throw new Error(`${what.method} ${what.path}: ${got}, not ${status}`);
    await new Promise((f) => setTimeout(f, 100));
  }
}

function send({ method, path, body }) {
  const headers = { Host: "shop.example", "User-Agent": "Mozilla/5.0", Accept: "*/*", ...(body ? { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(body) } : {}) };
  return new Promise((done, fail) => {
    const req = http.request(node + path, { method, headers }, (res) => {
      res.resume();
      res.on("end", () => done(res.statusCode));
    });
    req.on("error", fail);
    req.end(body);
  });
}
