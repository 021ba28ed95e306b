// Opens a page whose session is told late, and one that nobody touches.

/** session gives what went wrong. */
export async function session(context, base) {
  return [...(await late(context, base)), ...(await untouched(context, base))];
}

/** late holds the session back: acts are offered once the role is known. */
async function late(context, base) {
  const faults = [];
  const page = await context.newPage();
  let tell = () => {};
  const told = new Promise((f) => { tell = f; });
  await page.route("**/api/v1/session", async (r) => {
    await told;
    await r.continue();
  });
  await page.goto(`${base}/tuning`);
  const act = page.getByRole("button", { name: "Look for exclusions" });
  await act.waitFor();
  if (!(await act.isDisabled())) faults.push("an act is offered before the role is known");
  tell();
  await page.waitForSelector(".tbar .btn.pri:not([disabled])");
  await page.close();
  return faults;
}

/** untouched lets the overview refresh itself after a minute without a hand. */
async function untouched(context, base) {
  const faults = [];
  const page = await context.newPage();
  await page.clock.install();
  const rates = () => page.waitForRequest((r) => r.url().includes("decisions:rates"));
  const first = rates();
  await page.goto(`${base}/overview`);
  if ((await first).headers()["x-gatewatch-unasked"] !== undefined) faults.push("what was asked for is told as unasked");
  await page.waitForSelector(".ov");
  const second = rates();
  let asked = false;
  second.then(() => { asked = true; });
  // The minute counts from when the page is ready for it, which may be after this.
  for (let i = 0; i < 60 && !asked; i++) {
    await page.clock.fastForward(61_000);
    await Promise.race([second, new Promise((f) => { setTimeout(f, 1000); })]);
  }
  if ((await second).headers()["x-gatewatch-unasked"] !== "1") faults.push("a refresh without a hand does not say so");
  await page.close();
  return faults;
}
