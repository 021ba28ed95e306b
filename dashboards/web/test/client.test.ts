import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionMs, touch } from "../src/api/attention.ts";
import { get, post, setCsrf } from "../src/api/client.ts";

test("calls that need the token of the session wait for it", async () => {
  const sent: (string | undefined)[] = [];
  globalThis.fetch = (async (_path: string, init: RequestInit) => {
    sent.push((init.headers as Record<string, string>)["X-CSRF-Token"]);
    return new Response("{}");
  }) as typeof fetch;
  let give = (_: string) => {};
  setCsrf(new Promise((f) => { give = f; }));
  const asked = post("/api/v1/search", {});
  assert.deepEqual(sent, []);
  give("t0k3n");
  await asked;
  assert.deepEqual(sent, ["t0k3n"]);
});

test("a page that nobody touches says so", async () => {
  const sent: (string | undefined)[] = [];
  globalThis.fetch = (async (_path: string, init: RequestInit) => {
    sent.push((init.headers as Record<string, string>)["X-Gatewatch-Unasked"]);
    return new Response("{}");
  }) as typeof fetch;
  touch();
  await get("/api/v1/session");
  touch(Date.now() - attentionMs);
  await get("/api/v1/session");
  assert.deepEqual(sent, [undefined, "1"]);
  touch();
});
