// Looks at every screen of the console in Chromium, in both languages and themes:
//   node screens.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS
// Prints what is wrong, one line each, and ends with 1 if anything is. A link of "-"
// takes a server that asks for no sign-in.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { axe, foreign, look, watch } from "./checks.mjs";
import { sample } from "./sample.mjs";
import { search } from "./search.mjs";
import { signedIn } from "./signin.mjs";
import { session } from "./session.mjs";
import { table } from "./table.mjs";
import { triage } from "./triage.mjs";
import { open, screens } from "./views.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [base, link, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const state = await signedIn(browser, link);
for (const lang of ["zh-CN", "en"]) {
  for (const theme of ["light", "dark"]) await eachScreen(lang, theme);
}
await gone();
for (const fault of await session(await context("en", "light"), base)) say(`session: ${fault}`);
for (const fault of await table(await context("en", "light"), base)) say(`table: ${fault}`);
for (const fault of await search(await context("en", "light"), await context("en", "dark"), base)) say(`search: ${fault}`); // after table: the columns that it adds are those of the account
for (const fault of await triage(await context("en", "dark"), base)) say(`triage: ${fault}`);
for (const fault of await sample(await context("en", "light"), base)) say(`sample: ${fault}`); // after triage, which counts the groups that have labels
await browser.close();
console.log(`${screens.length * 4} views, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function context(lang, theme) {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: lang, timezoneId: "Asia/Shanghai", reducedMotion: "reduce", ...(state ? { storageState: state } : {}) });
  c.setDefaultTimeout(120_000); // the machine does much else
  await c.addInitScript(watch);
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: base }]);
  await c.addInitScript(([l, t]) => {
    localStorage.setItem("gw.language", l);
    localStorage.setItem("gw.theme", t);
  }, [lang, theme]);
  return c;
}

async function eachScreen(lang, theme) {
  const c = await context(lang, theme);
  for (const s of screens) {
    const page = await c.newPage();
    const at = `${s.name} ${lang} ${theme}`;
    page.on("pageerror", (e) => say(`${at}: ${e.message}`));
    page.on("console", (m) => {
      // Of a request of which no node kept a copy the API says 404.
      const kept = m.text().includes("404") && m.location().url.includes("/api/v1/requests/");
      if (m.type() === "error" && !kept) say(`${at}: console: ${m.text()} ${m.location().url}`);
    });
    page.on("request", (r) => !r.url().startsWith(base) && !/^(data|blob):/.test(r.url()) && say(`${at}: asks ${r.url()}`));
    await page.goto(base + s.path);
    await open(page, s).catch((e) => say(`${at}: ${e.message}`));
    await page.screenshot({ path: join(out, `${s.name}-${lang}-${theme}.png`) });
    for (const f of await page.evaluate(look, lang)) say(`${at}: ${f}`);
    if (lang === "zh-CN") for (const f of await page.evaluate(foreign, s.said ?? [])) say(`${at}: ${f}`);
    // What axe finds differs by theme, not by language: each theme is looked at once.
    if ((lang === "en") === (theme === "light")) for (const f of await axe(page, axeSource)) say(`${at}: ${f}`);
    await page.close();
  }
  await c.close();
}

/** gone opens screens whose questions get no answer: each says so and offers to try again. */
async function gone() {
  const c = await context("en", "light");
  await c.route("**/api/v1/**", (r) => r.abort());
  for (const s of screens.filter((x) => !["nowhere", "keys", "times"].includes(x.name))) {
    const page = await c.newPage();
    await page.goto(base + s.path);
    try {
      await page.getByText("Can't reach the server.").first().waitFor({ timeout: 120_000 });
      await page.getByRole("button", { name: "Retry" }).first().waitFor({ timeout: 120_000 });
    } catch {
      say(`${s.name} without a server: does not say so`);
    }
    await page.screenshot({ path: join(out, `${s.name}-gone.png`) });
    await page.close();
  }
  await c.close();
}
