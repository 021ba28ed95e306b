// Saves a search, opens it in another browser of the same account, chooses columns that
// are there too, and exports what is shown.
import { readFileSync } from "node:fs";

const query = "waf.decision: block";

/** search gives what went wrong. other is a browser that has nothing but the session. */
export async function search(context, other, base) {
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(e.message));
  await page.goto(`${base}/search?q=${encodeURIComponent(query)}`);
  await page.waitForSelector("#events-0");

  // A column of one's own, first in the table.
  let kept = page.waitForResponse((r) => r.url().endsWith("/api/v1/preferences") && r.request().method() === "POST");
  await page.evaluate(() => document.querySelector('[aria-label="Show event.dataset as a column"]')?.click());
  await page.getByRole("button", { name: "9 columns" }).click().catch(() => faults.push("event.dataset is no column"));
  if (!(await kept).ok()) faults.push("columns are not kept");
  for (let i = 8; i > 1; i--) {
    kept = page.waitForResponse((r) => r.url().endsWith("/api/v1/preferences") && r.request().method() === "POST");
    await page.getByRole("button", { name: "Move event.dataset left" }).press("Enter");
    await kept;
  }
  await page.keyboard.press("Escape");

  // Saved from the keyboard, shared.
  await page.getByRole("button", { name: "Save", exact: true }).press("Enter");
  await page.getByLabel("Name", { exact: true }).fill("blocks <b>of</b> today");
  await page.getByLabel("Others may see it").press("Space");
  const saved = page.waitForResponse((r) => r.url().endsWith("/api/v1/searches") && r.request().method() === "POST");
  await page.getByLabel("Name", { exact: true }).press("Enter");
  const said = await saved;
  if (!said.ok()) faults.push(`save: ${said.status()} ${await said.text()}`);
  else if (!(await said.json()).search.shared) faults.push("the search is not shared");

  // The other browser has it, with its columns.
  const there = await other.newPage();
  there.on("pageerror", (e) => faults.push(e.message));
  await there.goto(`${base}/search`);
  await there.getByRole("button", { name: "Save", exact: true }).click();
  await there.getByRole("button", { name: "blocks <b>of</b> today" }).first().click();
  await there.waitForFunction((q) => new URLSearchParams(location.search).get("q") === q && /Z$/.test(new URLSearchParams(location.search).get("from") ?? ""), query);
  await there.waitForSelector("#events-0");
  const columns = await there.$$eval("[role=columnheader]", (all) => all.map((x) => x.title));
  if (columns[1] !== "event.dataset" || columns.length !== 9) faults.push(`columns there: ${columns}`);
  const past = await there.evaluate(async () => (await (await fetch("/api/v1/preferences")).json()).preferences.map((p) => p.name));
  if (!past.includes("columns")) faults.push(`preferences: ${past}`);

  // What is exported is the server's file.
  await there.getByRole("button", { name: "Export", exact: true }).click();
  const [file] = await Promise.all([there.waitForEvent("download"), there.getByRole("button", { name: "CSV, the columns shown" }).click()]);
  const lines = readFileSync(await file.path(), "utf8").split("\r\n");
  if (!/^\ufeff@timestamp,event.dataset,waf.decision,/.test(lines[0].replace(/\n.*/s, ""))) faults.push(`CSV begins with ${lines[0].slice(0, 80)}`);
  await there.getByText(/events exported/).waitFor();

  // Taken away, brought back, taken away.
  await there.getByRole("button", { name: "Save", exact: true }).click();
  await there.getByRole("button", { name: "Remove blocks <b>of</b> today" }).click();
  await there.getByText("Removed: blocks").waitFor();
  await there.keyboard.press("Escape");
  await there.keyboard.press("KeyZ");
  await there.getByText("Undone: Removed: blocks").waitFor();
  const left = await there.evaluate(async () => (await (await fetch("/api/v1/searches")).json()).searches.map((s) => s.name));
  if (left.length !== 1) faults.push(`searches left: ${left}`);
  await page.close();
  await there.close();
  return faults;
}
