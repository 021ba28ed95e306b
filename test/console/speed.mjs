// Measures the console in Chromium: the first load, the first rows of a search, and the
// frames of a long table that scrolls. A benchmark, no test: nothing fails by it.
//   node speed.mjs BASE SIGN-IN-LINK FROM TO [ROWS [RUNS]]
// FROM and TO are the times between which the store has events, ROWS how many of them
// the table loads before it scrolls (100000), RUNS how often all is done (5).
import { createRequire } from "node:module";
import { signedIn } from "./signin.mjs";
import { frames, share, traced } from "./trace.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, link, from, to, rows = "100000", runs = "5"] = process.argv.slice(2);
const path = `${base}/search?from=${from}&to=${to}`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const state = await signedIn(browser, link);
const found = new Map(); // what → its figures, one a run
const note = (what, value) => found.set(what, [...(found.get(what) ?? []), value]);
for (let i = 0; i < Number(runs); i++) {
  await eachLoad();
  await eachTable();
}
await browser.close();
for (const [what, all] of found) console.log(`${what.padEnd(58)} ${share(all, 0.5).toFixed(1).padStart(8)}  (${all.map((x) => x.toFixed(1)).join(", ")})`);

/** fresh is a page of a browser that has nothing cached. */
async function fresh() {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state, reducedMotion: "reduce" });
  return await c.newPage();
}

/** eachLoad measures from the navigation until the frame of the console takes keys, and until rows are painted. */
async function eachLoad() {
  const page = await fresh();
  await page.addInitScript(() => {
    const at = (name, selector) => {
      const look = () => {
        if (!document.querySelector(selector)) return requestAnimationFrame(look);
        // The frame after the one that drew it.
        requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(name)));
      };
      look();
    };
    at("interactive", ".rail a");
    at("rows", ".rbody .tr");
  });
  await page.goto(path);
  await page.waitForFunction(() => performance.getEntriesByName("rows").length > 0, undefined, { timeout: 120_000 });
  const marks = await page.evaluate(() => ["interactive", "rows"].map((n) => performance.getEntriesByName(n)[0].startTime));
  note("navigation to interactive, ms", marks[0]);
  note("navigation to first rows, ms", marks[1]);
  const sent = await page.evaluate(() => performance.getEntriesByType("resource").filter((r) => r.name.includes("/assets/")).reduce((n, r) => n + r.transferSize, 0));
  note("first load, kB", sent / 1000);
  await page.waitForSelector(".fld, .fn"); // all answers are there
  for (const [what, q] of [["one value", "http.response.status_code: 404"], ["a word", "basket"]]) note(`query for ${what} to first rows, ms`, await ask(page, q));
  await page.context().close();
}

/** ask types a query and measures from Enter until other rows are painted. */
async function ask(page, q) {
  await page.fill(".qe textarea", q);
  await page.evaluate(() => {
    window.asked = new Promise((done) => {
      const was = document.querySelector("#events-0").textContent;
      const table = document.querySelector(".tb");
      addEventListener("keydown", (e) => {
        if (e.key !== "Enter") return;
        const start = performance.now();
        const look = () => {
          const row = document.querySelector("#events-0");
          if (!row || row.textContent === was || table.querySelector(".rows.dim")) return requestAnimationFrame(look);
          requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
        };
        requestAnimationFrame(look);
      }, { capture: true, once: true });
    });
  });
  await page.focus(".qe textarea");
  await page.keyboard.press("Enter");
  return await page.evaluate(() => window.asked);
}

/** eachTable loads the rows, then scrolls by notches of a wheel, by pages and to far places. */
async function eachTable() {
  const page = await fresh();
  await page.goto(path);
  await page.waitForSelector(".rbody .tr");
  for (let height = 0; height < 27 * Number(rows); ) {
    height = await page.evaluate(() => {
      const box = document.querySelector(".rbody");
      box.scrollTop = box.scrollHeight;
      return box.scrollHeight;
    });
    if (height >= 27 * Number(rows)) break;
    await page.waitForFunction((h) => document.querySelector(".rbody").scrollHeight > h, height, { timeout: 60_000 });
  }
  await page.evaluate(() => { document.querySelector(".rbody").scrollTop = 0; });
  await page.waitForLoadState("networkidle");
  const ways = { "a notch (120 px)": [120, 200], "a page (900 px)": [900, 100], "a far place": [0, 100] };
  for (const [way, [step, n]] of Object.entries(ways)) {
    const events = await traced(page, () => page.evaluate(scroll, [step, n]));
    const { frames: all, task } = frames(events);
    const work = all.map((f) => f.work);
    note(`${way} a frame: script + layout, ms, median`, share(work, 0.5));
    note(`${way} a frame: script + layout, ms, 95th percentile`, share(work, 0.95));
    note(`${way} a frame: script + layout, ms, most`, share(work, 1));
    note(`${way} a frame: longest task with painting, ms`, task);
  }
  await page.context().close();
}

/** Runs in the page: one step a frame. */
async function scroll([step, n]) {
  const box = document.querySelector(".rbody");
  for (let i = 0; i < n; i++) {
    await new Promise(requestAnimationFrame);
    if (step > 0) box.scrollTop += step;
    else box.scrollTop = (i * 7919 * 27) % box.scrollHeight;
  }
}
