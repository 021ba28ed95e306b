import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "../src/api/types.ts";
import { choices, spotAt } from "../src/query/complete.ts";
import { both, narrow, quote } from "../src/query/edit.ts";
import { filterOf, lex, makesTable, wordsOf } from "../src/query/lex.ts";

test("lex colours and loses nothing", () => {
  const f = (q: string, want: string) => {
    const all = lex(q);
    assert.equal(all.map((t) => t.text).join(""), q);
    assert.equal(all.filter((t) => t.kind !== "space").map((t) => `${t.kind[0]}${t.text}`).join(" "), want, q);
  };
  f("waf.decision: block and url.path: /a*", "fwaf.decision o: vblock oand furl.path o: v/a*");
  f('not "union select"', 'onot t"union select"');
  f("status >= 400 | stats n = count() by source.ip", "fstatus o>= v400 p| pstats fn o= pcount o( o) oby fsource.ip");
  f('url.path: "a | b"', 'furl.path o: v"a | b"');
  f('"open', 't"open');
  f("", "");
  f("a\\ b:", "fa\\ b o:");
});

test("a filter ends at the first pipe outside of quotes", () => {
  assert.equal(filterOf('url.path: "a|b" and x: y | sort n'), 'url.path: "a|b" and x: y');
  assert.equal(makesTable("* | stats n = count()"), true);
  assert.equal(makesTable("* | sort @timestamp"), false);
  assert.equal(makesTable('"| stats"'), false);
  assert.deepEqual(wordsOf('union and not drop and url.path: "*select*"'), ["union", "select"]);
});

test("conditions are added before pipes and mean just the value", () => {
  const f = (q: string, name: string, v: string | number | null, not: boolean, want: string) => assert.equal(narrow(q, name, v, not), want);
  f("", "a", "b", false, "a: b");
  f("*", "a", "b", true, "not a: b");
  f("x: y", "a", "b c", false, 'x: y and a: "b c"');
  f("x: y or z: w", "a", 1, false, "(x: y or z: w) and a: 1");
  f("x: y | sort x", "a", "b", false, "x: y and a: b | sort x");
  f("x: y", "a", null, false, "x: y and not a: *");
  f("x: y", "a", null, true, "x: y and a: *");
  f("x: y", "x", "y", false, "x: y");
  assert.equal(quote("/admin"), '"/admin"');
  assert.equal(quote("and"), '"and"');
  assert.equal(quote('a"\\'), '"a\\"\\\\"');
  assert.equal(quote("203.0.113.7"), "203.0.113.7");
  assert.equal(quote("a*"), '"a*"');
  assert.equal(both("a: b", "*"), "a: b");
  assert.equal(both("a: b", "c: d or e: f"), "(a: b) and (c: d or e: f)");
});

test("completion gives fields, then their values", () => {
  const field = (name: string, ...values: string[]): Field => ({
    name, types: ["string"], events: 1, coverage: 1, distinct: values.length, distinct_exact: true, top_short: 0,
    top: values.map((value) => ({ value, count: 1, cut: false })),
  });
  const fields = [field("url.path", "/a b"), field("waf.decision", "block", "allow"), field("user.name")];
  const f = (q: string, want: string[]) => assert.deepEqual(choices(spotAt(q, q.length), fields, q).map((c) => c.text), want, q);
  f("u", ["url.path: ", "user.name: "]);
  f("decis", ["waf.decision: "]);
  f("waf.decision: ", ["block ", "allow "]);
  f("waf.decision: al", ["allow "]);
  f("url.path: ", ['"/a b" ']);
  f("a: b an", ["and "]);
  f("* | so", ["sort "]);
});
