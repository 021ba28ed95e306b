import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import type { Group } from "../src/api/types.ts";
import { labelGroups, outsideOf } from "../src/screens/decisions/labelling.ts";
import { shown } from "../src/shell/undo.ts";

test("what the verdict is sure about is left out, and can be labelled, too", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: Record<string, unknown>[] = [];
  globalThis.fetch = (async (_: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as Record<string, unknown>;
    asked.push(body);
    return new Response(JSON.stringify({ group: body["all"] ? { act: 7, n: 3, kept_out: 0, outside: 0 } : { act: 0, n: 0, kept_out: 3, outside: 0 } }));
  }) as typeof fetch;
  const group = { rule: "941160", site: "shop", decision: "block", examples: [{ id: "1", source: "edge-1" }] } as unknown as Group;
  await labelGroups([group], "legitimate", { filter: "", from: "a", to: "b" }, () => undefined, () => undefined);
  const deed = shown.get();
  assert.match(deed!.said, /^3 left out/);
  assert.equal(deed!.undo, undefined);
  await new Promise<void>((done) => {
    const off = shown.on(() => { off(); done(); });
    deed!.more!.run();
  });
  assert.deepEqual(asked, [
    { like_id: "1", like_source: "edge-1", label: "false_positive", from: "a", to: "b" },
    { like_id: "1", like_source: "edge-1", label: "false_positive", all: true, from: "a", to: "b" },
  ]);
  assert.match(shown.get()!.said, /3 decisions marked false positive/);
  assert.equal(shown.get()!.more, undefined);
  assert.ok(shown.get()!.undo);
  globalThis.fetch = (async () => new Response(JSON.stringify({ group: { act: 8, n: 2, kept_out: 3, outside: 0 } }))) as typeof fetch;
  await labelGroups([group], "legitimate", { filter: "", from: "a", to: "b" }, () => undefined, () => undefined);
  assert.match(shown.get()!.said, /2 decisions marked false positive · 3 left out/);
  assert.equal(shown.get()!.more, undefined);
});

test("a label goes as far as the filter of the list, and the rest of the group is told", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: Record<string, unknown>[] = [];
  globalThis.fetch = (async (_: string, init: RequestInit) => {
    asked.push(JSON.parse(String(init.body)) as Record<string, unknown>);
    return new Response(JSON.stringify({ group: { act: 7, n: 2, kept_out: 0, outside: 5 } }));
  }) as typeof fetch;
  const group = { rule: "941160", site: "shop", decision: "block", examples: [{ id: "1", source: "edge-1" }] } as unknown as Group;
  const list = { filter: "client.ip: 192.0.2.1", from: "a", to: "b" };
  assert.equal(await outsideOf(group, list, new AbortController().signal), 5);
  await labelGroups([group], "legitimate", list, () => undefined, () => undefined);
  assert.deepEqual(asked, [
    { like_id: "1", like_source: "edge-1", filter: "client.ip: 192.0.2.1", from: "a", to: "b", label: "unsure", preview: true },
    { like_id: "1", like_source: "edge-1", filter: "client.ip: 192.0.2.1", from: "a", to: "b", label: "false_positive" },
  ]);
  assert.match(shown.get()!.said, /2 decisions marked false positive · 5 more outside the filter$/);
  await shown.get()!.undo!();
  assert.deepEqual(asked[2], { act: 7 });
});
