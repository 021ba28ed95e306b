// Labels a group of which a filter shows a part, from the keyboard, and takes it back:
//   node within.mjs BASE SIGN-IN-LINK FOLDER-OF-SCREENSHOTS
// Prints what is wrong, one line each, and ends with 1 if anything is.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { signedIn } from "./signin.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, link, out] = process.argv.slice(2);
mkdirSync(out, { recursive: true });

const faults = [];
const must = (ok, what) => {
  if (!ok) faults.push(what);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const storageState = await signedIn(browser, link);
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en", reducedMotion: "reduce", ...(storageState ? { storageState } : {}) });
context.setDefaultTimeout(120_000); // the machine does much else
await context.addCookies([{ name: "gatewatch_lang", value: "en", url: base }]);
const page = await context.newPage();
page.on("pageerror", (e) => faults.push(e.message));
await page.goto(`${base}/decisions`);
await page.waitForSelector(".labels");

// A group, and two of its decisions that a filter will show.
const ask = (path, parameters) => page.evaluate(async (url) => (await fetch(url)).json(), `/api/v1/${path}?${new URLSearchParams(parameters)}`);
const { groups } = await ask("decisions:groups", { order_by: "false_positives", page_size: 200 });
const group = groups.find((g) => g.unlabelled > 3);
const members = (labelled) => ask("decisions", { filter: `url.path: "${group.path_template}" and waf.decision: block`, labelled, page_size: 100 }).then((p) => p.decisions);
const all = await members("mixed");
must(all.length === group.n, `${all.length} decisions of a group of ${group.n}`);
const two = all.slice(0, 2).map((d) => d.id).sort();
const beside = group.n - 2;

await page.goto(`${base}/decisions?${new URLSearchParams({ q: two.map((id) => `event.id: "${id}"`).join(" or ") })}`);
await page.getByText(`Labels the 2 within the filter, not the ${beside} of the group outside it. You can undo it.`).waitFor();
await page.screenshot({ path: join(out, "within-before.png") });
const done = page.waitForResponse((r) => r.url().includes("decisions:labelGroup") && !r.request().postDataJSON().preview);
await page.keyboard.press("KeyU"); // which no verdict contradicts
must((await done).ok(), "the label was refused");
await page.getByText(`2 decisions marked unsure · ${beside} more outside the filter`).waitFor();
await page.screenshot({ path: join(out, "within-after.png") });
const labelled = (await members("only")).map((d) => d.id).sort();
must(labelled.join() === two.join(), `labelled are ${labelled}, not ${two}`);

const undone = page.waitForResponse((r) => r.url().includes("decisions:undoLabels"));
await page.keyboard.press("KeyZ");
must((await undone).ok(), "the undo was refused");
const left = await members("only");
must(left.length === 0, `${left.length} keep a label`);

await browser.close();
for (const f of faults) console.log(f);
process.exitCode = faults.length > 0 ? 1 : 0;
