// What a role may not do is off and says why; what it may do is on:
//   node roles.mjs BASE SIGN-IN-LINK FOLDER LINK-OF-A-VIEWER LINK-OF-AN-ANALYST
import { createRequire } from "node:module";
import { signedIn } from "./signin.mjs";

const require = createRequire(new URL("../../dashboards/web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const [base, administrator, , viewer, analyst] = process.argv.slice(2);

/** Exclusions as the server tells them: one proposed, one in use everywhere, one that ended. */
const proposal = {
  kind: "exclusion", site: "shop", path: "/cart", rules: [941100], directive: "SecRule REQUEST_URI \"@streq /cart\" \"id:1,pass\"", unblocks: ["a"], released: [], guard_lost: [], catches: [], blocks: [], evidence: [],
  owner: 'administrator "lin-an"', reason: "", bundle: "", create_time: "2026-11-20T08:00:00Z", update_time: "2026-11-20T08:00:00Z", hits: 3, retire: "",
};
const proposals = [{ ...proposal, id: 1, status: "proposed", stage: "" }, { ...proposal, id: 2, status: "applied", stage: "all" }, { ...proposal, id: 3, status: "retired", stage: "" }];
const reason = "Only administrators apply exclusions and take them back.";

const faults = [];
const say = (what) => {
  faults.push(what);
  console.log(what);
};
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
await as("viewer", viewer, { labels: false, rolls: false });
await as("analyst", analyst, { labels: true, rolls: false });
await as("administrator", administrator, { labels: true, rolls: true });
await browser.close();
console.log(`3 roles, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function as(role, link, may) {
  const c = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en", storageState: await signedIn(browser, link) });
  c.setDefaultTimeout(120_000); // the machine does much else
  await c.addCookies([{ name: "gatewatch_lang", value: "en", url: base }]);
  await c.route((u) => u.pathname === "/api/v1/proposals", (r) => r.fulfill({ json: { proposals, next_page_token: "" } }));
  const page = await c.newPage();
  const refused = []; // but copies of requests, of which only the answer tells who may read them
  page.on("response", (r) => r.status() === 403 && !r.url().includes("/api/v1/requests/") && refused.push(r.url()));
  page.on("pageerror", (e) => say(`${role}: ${e.message}`));
  await decisions(page, role, may);
  await tuning(page, role, may);
  await rules(page, role);
  for (const url of refused) say(`${role}: asked for what it may not: ${url}`);
  await c.close();
}

/** on says whether a button that must be there can be pressed. */
async function on(role, button, want) {
  await button.waitFor();
  if ((await button.isEnabled()) !== want) say(`${role}: ${await button.innerText()} is ${want ? "off" : "on"}`);
}

async function decisions(page, role, may) {
  await page.goto(`${base}/decisions`);
  await page.waitForSelector(".labels");
  for (const b of await page.locator(".labels button").all()) await on(role, b, may.labels);
  await on(role, page.locator("#proposal .btn"), may.labels);
  const why = await page.getByText("Your role may look at decisions and not label them.").count();
  if ((why > 0) === may.labels) say(`${role}: decisions say ${why} times why they cannot be labelled`);
  const before = await page.getAttribute("#main [role=grid]", "aria-rowcount");
  if (!may.labels) {
    // Keys do no more than buttons: what they would ask for is refused, which is told.
    for (const key of ["KeyF", "KeyT", "KeyB", "KeyU", "KeyE"]) await page.keyboard.press(key);
    if ((await page.getAttribute("#main [role=grid]", "aria-rowcount")) !== before) say(`${role}: a key labels`);
  }
  await page.goto(`${base}/decisions?queue=sample`);
  const draw = page.getByRole("button", { name: "Draw 50" }).first();
  await on(role, draw, may.labels);
  if (!may.labels && !(await draw.getAttribute("title"))) say(`${role}: Draw 50 does not say why it is off`);
}

async function tuning(page, role, may) {
  await page.goto(`${base}/tuning`);
  const seek = page.getByRole("button", { name: "Look for exclusions" });
  await page.waitForSelector("#tuning-0");
  await on(role, seek, may.labels);
  if (!may.labels && !/may look/.test(await seek.getAttribute("title"))) say(`${role}: the search for exclusions does not say why it is off`);
  for (const [row, names] of [["#tuning-0", ["Apply to shop", "Try it out first"]], ["#tuning-1", ["Roll back", "Retire"]], ["#tuning-2", []]]) {
    await page.locator(row).click();
    await page.waitForSelector(`${row}.on`);
    for (const name of names) await on(role, page.getByRole("button", { name }), may.rolls);
    const buttons = await page.locator(".pcard .acts button").count();
    if (buttons !== names.length) say(`${role}: ${row} has ${buttons} acts`);
    const why = await page.getByText(reason).count();
    if (why !== (names.length > 0 && !may.rolls ? 1 : 0)) say(`${role}: ${row} says ${why} times why its acts are off`);
  }
  await page.goto(`${base}/tuning?view=whatif`);
  const draw = page.locator(".wi .btn.pri");
  await on(role, draw, may.labels);
  if (!may.labels && !(await draw.getAttribute("title"))) say(`${role}: the curve does not say why it is off`);
}

/** rules may be read and tried by everyone, and changed by nobody here. */
async function rules(page, role) {
  await page.goto(`${base}/rules`);
  await page.waitForSelector("#rules-0");
  await page.keyboard.press("KeyJ");
  const bench = page.locator(".bench");
  await bench.locator("textarea").fill("{}");
  const tried = page.waitForResponse((r) => r.url().endsWith("/test"));
  await on(role, bench.locator(".btn.pri"), true);
  await bench.locator(".btn.pri").click();
  if (!(await tried).ok()) say(`${role}: the bench is refused`);
  await bench.locator(".btest").first().waitFor();
}
