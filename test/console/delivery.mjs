// Looks at a webhook whose receiver takes nothing until it is mended:
//   node delivery.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS RECEIVER
// Prints what is wrong, one line each, and ends with 1 if anything is.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { axe, look, watch } from "./checks.mjs";
import { signedIn } from "./signin.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [base, link, out, receiver] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const state = await signedIn(browser, link);
try {
  for (const lang of ["zh-CN", "en"]) {
    for (const theme of ["light", "dark"]) await view(lang, theme);
  }
} catch (e) {
  say(e.message);
}
await browser.close();
console.log(`${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function view(lang, theme) {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: lang, reducedMotion: "reduce", storageState: state });
  await c.addInitScript(watch);
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: base }]);
  await c.addInitScript(([l, t]) => {
    localStorage.setItem("gw.language", l);
    localStorage.setItem("gw.theme", t);
  }, [lang, theme]);
  const page = await c.newPage();
  page.setDefaultTimeout(120_000); // the machine does much else
  page.on("pageerror", (e) => say(e.message));
  await page.goto(`${base}/findings?view=delivery`);
  await page.waitForSelector(".dve"); // what the receiver answered
  await page.waitForSelector(".ph .btn:not([disabled])");
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: join(out, `delivery-${lang}-${theme}.png`) });
  for (const f of await page.evaluate(look, lang)) say(`${lang} ${theme}: ${f}`);
  if (lang === "en") for (const f of await axe(page, axeSource)) say(`${lang} ${theme}: ${f}`);
  if (lang === "en" && theme === "dark") await test(page);
  await c.close();
}

/** test sends test messages, before and after the receiver is mended. */
async function test(page) {
  await page.getByText("Not taken, trying again").waitFor();
  const button = page.getByRole("button", { name: "Send a test" });
  await button.focus();
  await page.keyboard.press("Enter");
  await page.locator(".toast").getByText(/did not take the test: .*503/).waitFor();
  await fetch(`${receiver}/mend`);
  await button.click();
  await page.locator(".toast").getByText(/The receiver took the test message msg_/).waitFor();
}
