// What every screen is checked for, in the page and from outside.

/** Runs in the page: what overflows, hides, is empty or not translated. */
export function look(lang) {
  const faults = [];
  const root = document.documentElement;
  if (root.lang !== lang) faults.push(`lang is ${root.lang}`);
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} wide`);
  const main = document.getElementById("main");
  if (!main || main.innerText.trim().length < 12) faults.push("the screen is empty");
  for (const el of document.querySelectorAll(".btn, .pill, h1, h2, .tabs button, .seg button, .rail a > span:not(.who)")) {
    const style = getComputedStyle(el);
    if (el.scrollWidth > el.clientWidth + 1 && style.overflow !== "hidden" && style.display !== "inline") {
      faults.push(`cut off: ${el.innerText.slice(0, 40)}`);
    }
  }
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data;
    const el = walk.currentNode.parentElement;
    if (hidden.test(text)) faults.push(`hidden characters: ${JSON.stringify(text.slice(0, 40))}`);
    // Data is not translated: what others wrote stands in bdi, code or a foreign lang.
    if (el.closest("bdi, pre, code, kbd, .mono, option, textarea, [lang]:not(html), noscript")) continue;
    if (/\b(NaN|undefined|Infinity|null)\b|\[object /.test(text)) faults.push(`not said: ${text.slice(0, 60)}`);
    if (lang === "zh-CN" && /[A-Za-z]{3,} [a-z]{2,}/.test(text)) faults.push(`not translated: ${text.slice(0, 60)}`);
    if (lang === "en" && /[\u4e00-\u9fff]/.test(text)) faults.push(`not translated: ${text.slice(0, 60)}`);
  }
  for (const el of document.querySelectorAll("svg *")) {
    for (const a of el.attributes) if (/NaN|undefined|Infinity/.test(a.value)) faults.push(`drawn nowhere: ${el.tagName} ${a.name}=${a.value.slice(0, 40)}`);
  }
  if (window.ran !== undefined) faults.push("foreign script ran");
  if (document.querySelector(":is(#app, #screen) :is(img, iframe, script, object, [onerror], [onload])")) faults.push("foreign markup is in the page");
  for (const v of window.violations ?? []) faults.push(`policy: ${v}`);
  return faults;
}

/** Runs in the page: what of places where the server speaks is not there, or in English. */
export function foreign(places) {
  const faults = [];
  for (const place of places) {
    const there = [...document.querySelectorAll(place)];
    if (there.length === 0) faults.push(`nothing at ${place}`);
    for (const el of there) {
      for (const x of el.querySelectorAll("[lang=en]")) faults.push(`not translated: ${x.innerText.slice(0, 60)}`);
    }
  }
  return faults;
}

/** Runs in the page before it: what the content security policy refuses. */
export function watch() {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
}

/** axe gives the findings of axe-core that are serious or critical. */
export async function axe(page, source) {
  await page.evaluate(source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `axe ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join("; ")} (${v.nodes[0]?.failureSummary?.split("\n")[1]?.trim() ?? ""})`);
}
