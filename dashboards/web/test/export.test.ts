import assert from "node:assert/strict";
import { test } from "node:test";
import { setCsrf } from "../src/api/client.ts";
import { csv, csvCell, exported, Lines } from "../src/screens/search/export.ts";
import { fieldsOf } from "../src/screens/search/columns.tsx";

test("no cell of a CSV is a formula", () => {
  const f = (text: string, want: string) => assert.equal(csvCell(text), want);
  f("=1+1", "'=1+1");
  f("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0");
  f("-2+3", "'-2+3");
  f("-2", "-2");
  f("@SUM(A1)", "'@SUM(A1)");
  f("\t=1", "'\t=1");
  f("  =1", "'  =1");
  f("\uff1d1", "'\uff1d1");
  f('say "a, b"', '"say ""a, b"""');
  f("a\nb", '"a\nb"');
  f("plain", "plain");
});

test("a table becomes a CSV", () => {
  assert.equal(csv({ columns: ["url.path", "n"], rows: [["=x", 1], [null, 2]] }), "\ufeffurl.path,n\r\n'=x,1\r\n,2\r\n");
});

test("rows are counted however they are cut", () => {
  const lines = new Lines();
  for (const part of ['a,b\r\n"x\n', 'y ""z""",1\r', "\nlast,2\r\n"]) lines.add(new TextEncoder().encode(part));
  assert.equal(lines.n, 3);
});

test("an export is the server's, with the fields of the columns that are shown", async () => {
  setCsrf(Promise.resolve("t"));
  const asked: string[] = [];
  globalThis.fetch = (async (path: string, init: RequestInit) => {
    asked.push(path, String(init.body));
    return new Response("@timestamp,rule.id\r\n2026,1\r\n2027,2\r\n");
  }) as typeof fetch;
  const f = await exported({ query: "a: b", from: "f", to: "t" }, "csv", fieldsOf(["@time", "@rule", "rule.id", "own.field"]), () => undefined);
  assert.equal(f.n, 2);
  assert.deepEqual([...new Uint8Array(await f.content.arrayBuffer()).slice(0, 4)], [0xef, 0xbb, 0xbf, 0x40]);
  assert.equal(asked[0], "/api/v1/export");
  assert.deepEqual(JSON.parse(asked[1]!), { query: "a: b", from: "f", to: "t", limit: 100000, format: "EXPORT_FORMAT_CSV", fields: ["@timestamp", "rule.id", "own.field"] });
});
