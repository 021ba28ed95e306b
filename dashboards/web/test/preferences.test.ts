import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import { preference, startPreferences } from "../src/api/preferences.ts";
import { newest } from "../src/query/history.ts";

/** The storage of a browser. */
function storage(): Storage {
  const all = new Map<string, string>();
  return {
    getItem: (k: string) => all.get(k) ?? null, setItem: (k: string, v: string) => void all.set(k, v), removeItem: (k: string) => void all.delete(k),
  } as Storage;
}

const text = (x: unknown) => (typeof x === "string" ? x : undefined);

test("the server keeps preferences, the browser a copy", async () => {
  globalThis.localStorage = storage();
  setCsrf(Promise.resolve("t"));
  let gone = true;
  const kept: Record<string, string> = { "t.a": '"theirs"', "t.bad": "{" };
  const posts: string[] = [];
  globalThis.fetch = (async (_: string, init: RequestInit) => {
    if (gone) throw new TypeError("gone");
    if (init.method === "POST") {
      posts.push(String(init.body));
      for (const p of JSON.parse(String(init.body)).preferences) kept[p.name] = p.value;
    }
    return new Response(JSON.stringify({ preferences: Object.entries(kept).map(([name, value]) => ({ name, value })) }));
  }) as typeof fetch;
  const a = preference("t.a", "usual", text);
  const b = preference("t.b", "usual", text);
  const bad = preference("t.bad", "usual", text);

  // Without the server what is set stands in the browser.
  await assert.rejects(startPreferences("ann"));
  b.set("set while it was gone");
  await new Promise(setImmediate);
  assert.equal(localStorage.getItem("gw.t.b"), '"set while it was gone"');
  assert.equal(a.get(), "usual");

  // Once it is there it has what it lacked, and what it has is taken.
  gone = false;
  await startPreferences("ann");
  assert.deepEqual([a.get(), b.get(), bad.get()], ["theirs", "set while it was gone", "usual"]);
  assert.equal(kept["t.b"], '"set while it was gone"');
  assert.equal(posts.length, 1);

  // What one account has set is not shown to the next, nor sent as theirs.
  for (const name of Object.keys(kept)) delete kept[name];
  await startPreferences("bob");
  assert.deepEqual([a.get(), b.get()], ["usual", "usual"]);
  assert.deepEqual(kept, {});
});

test("a history is no larger than the server keeps", () => {
  assert.deepEqual(newest(["a", "b"]), ["a", "b"]);
  assert.equal(newest(Array.from({ length: 80 }, (_, i) => `q${i}`)).length, 50);
  const long = "误报".repeat(300);
  assert.ok(new TextEncoder().encode(JSON.stringify(newest(Array.from({ length: 20 }, () => long)))).length < 8192);
});
