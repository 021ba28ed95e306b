// Scrolls the table of events: rows are used again, and each must show its own event.

/** table gives what went wrong. */
export async function table(context, base) {
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(e.message));
  let events = [];
  page.on("response", async (r) => {
    if (!r.url().endsWith("/api/v1/search") || !r.ok()) return;
    const answer = await r.json().catch(() => undefined); // the page may be gone
    if (answer?.events?.length > 1) events = answer.events;
  });
  await page.goto(`${base}/search?q=${encodeURIComponent("url.path: /page-*")}`); // one page of answers
  await page.waitForSelector("#events-0");
  await page.waitForLoadState("networkidle");
  // In one call: a row that is hidden between two has no number any more.
  const drawn = () => page.evaluate(() => [...document.querySelectorAll("[id^=events-]")].map((el) => ({ i: Number(el.id.slice(7)), row: el.getAttribute("aria-rowindex"), text: el.textContent, top: el.offsetTop })));
  const begin = await drawn();
  if (begin.length >= events.length) faults.push(`all ${events.length} rows are in the document`);
  for (const share of [0.5, 1, 0.2, 0]) {
    const first = await page.$eval(".tb .rbody", (el, s) => {
      el.scrollTop = s * el.scrollHeight;
      return Math.floor(el.scrollTop / 27);
    }, share);
    await page.waitForSelector(`#events-${Math.min(first + 12, events.length - 1)}`);
    for (const r of await drawn()) {
      const e = events[r.i];
      const want = `${e["http.request.method"]} ${e["url.path"]}`;
      const ms = e["@timestamp"].slice(17, 23).padEnd(6, "0").replace(/Z.*/, "");
      if (!r.text.includes(want) || !r.text.includes(ms)) faults.push(`row ${r.i} shows ${r.text.slice(0, 80)}, not ${ms} ${want}`);
      if (r.top !== r.i * 27 || Number(r.row) !== r.i + 1) faults.push(`row ${r.i} is at ${r.top} as ${r.row}`);
    }
  }
  const most = (await page.$$(".tb .rbody .tr")).length;
  if (most > begin.length + 12) faults.push(`${most} rows were made, ${begin.length} are drawn`);
  // The row under the pointer and the selected one have buttons; + narrows the query.
  await page.keyboard.press("KeyJ");
  await page.waitForSelector("#events-0.on .hov button");
  if (await page.$("#events-3 .hov")) faults.push("a row that nobody points at has buttons");
  await page.hover("#events-3");
  await page.waitForSelector("#events-3 .hov button");
  await page.focus('#events-0 .hov [aria-label^="Filter in waf.decision"]'); // whatever columns the account has
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => new URLSearchParams(location.search).get("q")?.includes("waf.decision: "));
  // In a range of days a time has its day.
  await page.goto(`${base}/search?from=now-7d&to=now&q=${encodeURIComponent("url.path: /page-*")}`);
  await page.waitForSelector("#events-0");
  const shown = await page.textContent("#events-0 [role=gridcell]");
  if (!/^\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/.test(shown)) faults.push(`a time of a week is ${shown}`);
  await page.close();
  return faults;
}
