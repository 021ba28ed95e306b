// Draws decisions at random, labels some from the keyboard, undoes one, and sees that
// what has a label has left the queue for good.

/** sample gives what went wrong. */
export async function sample(context, base) {
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (e) => faults.push(e.message));
  await page.goto(`${base}/decisions?queue=sample`);
  const left = async () => Number(await page.getAttribute("#main [role=grid]", "aria-rowcount").catch(() => "0"));
  const wait = (n) => page.waitForFunction((want) => Number(document.querySelector("#main [role=grid]")?.getAttribute("aria-rowcount") ?? 0) === want, n);
  const drew = page.waitForResponse((r) => r.url().endsWith("decisions:sample"));
  await page.getByRole("button", { name: "Draw 50" }).press("Enter");
  const n = (await (await drew).json()).drawn.length;
  await page.waitForFunction((least) => Number(document.querySelector("#main [role=grid]")?.getAttribute("aria-rowcount") ?? 0) >= least, n);
  await page.waitForSelector(".labels");
  const begin = await left();
  if (begin < 5) faults.push(`only ${begin} were drawn`);
  const drawn = async (labelled) => page.evaluate(async (l) => (await (await fetch(`/api/v1/decisions?drawn=true&labelled=${l}&page_size=1000`)).json()).decisions.map((d) => d.label), labelled);
  for (const [i, key] of ["KeyF", "KeyT", "KeyB", "KeyU"].entries()) {
    const done = page.waitForResponse((r) => r.url().endsWith(":label"));
    await page.keyboard.press(key);
    if (!(await done).ok()) faults.push(`${key} was refused`);
    await wait(begin - i - 1);
    await page.waitForSelector(".labels");
  }
  const undone = page.waitForResponse((r) => r.url().endsWith(":undoLabel"));
  await page.keyboard.press("KeyZ");
  if (!(await undone).ok()) faults.push("undo was refused");
  await wait(begin - 3);
  const only = await drawn("only");
  if (only.length !== 3 || only.includes("unsure")) faults.push(`labels of drawn decisions: ${only}`);
  await page.reload();
  await page.waitForSelector(".labels");
  if ((await left()) !== begin - 3) faults.push(`${await left()} wait after a reload, not ${begin - 3}`);
  await page.close();
  return faults;
}
