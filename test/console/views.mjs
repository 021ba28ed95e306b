/** The screens, what is done on them before they are looked at, and what the server says on them that has to be in the language of the reader. */
export const screens = [
  { name: "overview", path: "/overview" },
  { name: "search", path: "/search", ready: "#events-0", keys: ["KeyJ", "Enter"], wait: ".fly" },
  { name: "decisions", path: "/decisions", wait: ".labels", said: [".ev"] },
  { name: "sample", path: "/decisions?queue=sample", wait: ".empty .btn" },
  { name: "findings", path: "/findings", said: [".rn0"] },
  { name: "delivery", path: "/findings?view=delivery", wait: ".empty pre" },
  { name: "rules", path: "/rules", ready: "#rules-0", keys: ["KeyJ"], wait: ".bench", said: [".ru3", ".l1"] },
  { name: "tuning", path: "/tuning", said: [".tev"] },
  { name: "whatif", path: "/tuning?view=whatif", wait: ".wi" },
  { name: "nodes", path: "/nodes" },
  { name: "times", path: "/search", click: ".top .menu > button", wait: ".tp" },
  { name: "keys", path: "/search", keys: ["Shift+Slash"], wait: ".sheet" },
  { name: "nowhere", path: "/nowhere" },
];

/** open waits until a screen that was gone to is there, and does what is done on it. */
export async function open(page, s) {
  await page.waitForLoadState("networkidle");
  if (s.ready) await page.waitForSelector(s.ready); // a key before the rows does nothing
  for (const k of s.keys ?? []) await page.keyboard.press(k);
  if (s.click) await page.locator(s.click).first().click();
  if (s.wait) await page.waitForSelector(s.wait, { timeout: 120_000 }).catch(() => { throw new Error(`${s.wait} did not come`); });
  await page.waitForLoadState("networkidle");
}
