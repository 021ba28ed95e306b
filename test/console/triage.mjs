// Reviews the whole queue of decisions from the keyboard, undoes the last label, and
// asks the API what was kept.

/** How many groups are reviewed at least. */
const least = 50;

/** triage gives what went wrong. */
export async function triage(context, base) {
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(e.message));
  await page.goto(`${base}/decisions`);
  await page.waitForSelector(".labels");
  const left = async () => Number(await page.getAttribute("[role=grid]", "aria-rowcount").catch(() => "0"));
  const begin = await left();
  if (begin <= least) faults.push(`only ${begin} groups to review`);
  for (let n = begin; n > 1; n--) {
    const done = page.waitForResponse((r) => r.url().includes("decisions:labelGroup"));
    await page.keyboard.press("KeyU"); // which no verdict contradicts
    const answer = await done;
    if (!answer.ok()) faults.push(`label: ${answer.status()} ${await answer.text()}`);
    await page.waitForFunction((want) => Number(document.querySelector("[role=grid]")?.getAttribute("aria-rowcount") ?? 0) === want, n - 1);
  }
  const undone = page.waitForResponse((r) => r.url().includes("decisions:undoLabels"));
  await page.keyboard.press("KeyZ");
  if (!(await undone).ok()) faults.push("undo was refused");
  await page.waitForFunction(() => Number(document.querySelector("[role=grid]")?.getAttribute("aria-rowcount") ?? 0) === 2);
  const kept = await page.evaluate(async () => (await fetch("/api/v1/decisions:groups?order_by=false_positives&page_size=200")).json());
  const labelled = kept.groups.filter((g) => g.labels.some((l) => l.label === "unsure")).length; // others were drawn
  if (labelled !== begin - 2) faults.push(`${labelled} groups have labels, not ${begin - 2}`);
  await page.close();
  return faults;
}
