// Looks at every screen in narrow windows: nothing is wider than the window, and nothing
// that can be used is cut off.
//   node narrow.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { signedIn } from "./signin.mjs";
import { open, screens } from "./views.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, link, out] = process.argv.slice(2);
const widths = [1280, 1024, 768];
mkdirSync(out, { recursive: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const storageState = await signedIn(browser, link);
const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};
// Themes have the same measures: each language is looked at in one.
for (const [lang, theme] of [["en", "light"], ["zh-CN", "dark"]]) {
  const c = await browser.newContext({ viewport: { width: widths[0], height: 800 }, locale: lang, reducedMotion: "reduce", ...(storageState ? { storageState } : {}) });
  c.setDefaultTimeout(120_000); // the machine does much else
  await c.addCookies([{ name: "gatewatch_lang", value: lang, url: base }]);
  await c.addInitScript(([l, t]) => {
    localStorage.setItem("gw.language", l);
    localStorage.setItem("gw.theme", t);
  }, [lang, theme]);
  for (const s of screens) {
    const page = await c.newPage();
    await page.goto(base + s.path);
    await open(page, s).catch((e) => say(`${s.name} ${lang}: ${e.message}`));
    for (const width of widths) {
      await page.setViewportSize({ width, height: 800 });
      await settled(page);
      if (width < 960 && s.name === "search") await fields(page, `${s.name} ${lang} ${width}`);
      await page.screenshot({ path: join(out, `${s.name}-${width}-${lang}-${theme}.png`) });
      for (const f of new Set(await page.evaluate(sideways))) say(`${s.name} ${lang} ${width}: ${f}`);
    }
    await page.close();
  }
  await c.close();
}
await browser.close();
console.log(`${screens.length * 2 * widths.length} views, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

/** settled waits until what follows the size of the window has been drawn. */
function settled(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** fields opens the list of fields, which a narrow window folds away, and closes it. */
async function fields(page, at) {
  const list = page.locator(".fs");
  if (await list.isVisible()) say(`${at}: the fields take room from the table`);
  await page.keyboard.press("Escape"); // closes the event
  await page.locator(".folded").click();
  await list.waitFor({ state: "visible" });
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
}

/** Runs in the page: what is wider than what it stands in. */
function sideways() {
  const faults = [];
  const name = (el) => `${el.tagName.toLowerCase()}.${[...el.classList].join(".")} ${(el.innerText || el.getAttribute("aria-label") || "").slice(0, 30)}`;
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) faults.push(`the page is ${scrollWidth} wide`);
  for (const el of document.querySelectorAll("body *")) {
    const { overflowX, whiteSpace } = getComputedStyle(el);
    if (/auto|scroll/.test(overflowX) && el.scrollWidth > el.clientWidth + 1 && !el.closest("pre, textarea, .rows") && whiteSpace !== "pre") faults.push(`scrolls sideways: ${name(el)}`);
  }
  for (const el of document.querySelectorAll("button, a[href], input, select, textarea, .pv, [role=columnheader]")) {
    const r = el.getBoundingClientRect();
    if (r.width === 0 || r.height === 0) continue;
    let [left, right] = [0, innerWidth];
    for (let up = el.parentElement; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.textOverflow === "ellipsis") break; // a text that says so itself
      if (style.overflowX === "visible") continue;
      if (up.matches(".rows") && /auto|scroll/.test(style.overflowX)) right = Infinity; // a table of many columns scrolls
      const box = up.getBoundingClientRect();
      if (right < Infinity) [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
    }
    if (r.left < left - 1 || r.right > right + 1) faults.push(`cut off: ${name(el)}`);
  }
  return faults;
}
