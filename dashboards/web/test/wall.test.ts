import assert from "node:assert/strict";
import { test } from "node:test";
import { draw } from "../src/wall/map/arcs.ts";
import { along, curve } from "../src/wall/map/curve.ts";
import { countries } from "../src/wall/map/countries.ts";
import { cities } from "../src/wall/map/cities.ts";
import { countryName, origin, placeOfZone } from "../src/wall/map/places.ts";
import { frame, isLand, landDots, nearest, project, unproject, unwrap } from "../src/wall/map/projection.ts";
import { shift } from "../src/wall/stage.ts";
import { curves, wholeMinutes } from "../src/wall/trend.ts";

test("places are projected onto the frame and back", () => {
  for (const [lon, lat] of [[116.4, 39.9], [-77.5, 39], [151.2, -33.9], [0, 0], [-29, 60]] as [number, number][]) {
    const [x, y] = project([unwrap(lon), lat]);
    assert.ok(x >= 0 && x <= frame.width && y >= 0 && y <= frame.height, `${lon} ${lat} is at ${x} ${y}`);
    const [back, up] = unproject([x, y]);
    assert.ok(Math.abs(back - unwrap(lon)) < 1e-9 && Math.abs(up - lat) < 1e-9);
  }
});

test("a place beyond a map is at its nearer edge", () => {
  const f = (lon: number, want: number) => assert.equal(nearest(lon, 74, 134), want, String(lon));
  f(100, 100);
  f(8, 74); // Europe lies to the west
  f(-118, 134); // and America nearer over the Pacific
  f(460, 100);
});

test("land is where there is land", () => {
  const f = (lon: number, lat: number, want: boolean) => assert.equal(isLand(unwrap(lon), lat), want, `${lon} ${lat}`);
  f(104, 35, true);
  f(-98, 39, true);
  f(121, 24, true);
  f(134, -25, true);
  f(-150, 0, false);
  f(-30, 0, false);
  assert.ok(landDots().length > 2000);
});

test("countries and cities lie where they are and have names", () => {
  assert.ok(countries.size > 190);
  for (const [code, [lon, lat]] of countries) {
    assert.match(code, /^[A-Z]{2}$/);
    assert.ok(Math.abs(lon) <= 180 && Math.abs(lat) <= 75, code);
    assert.notEqual(countryName(code), "", code);
  }
  for (const [country, en, zh, lon, lat] of cities) {
    const at = countries.get(country);
    assert.ok(at && en !== "" && /[\u4e00-\u9fff]/.test(zh), en);
    assert.ok(Math.abs(at[1] - lat) < 25 && Math.abs(at[0] - lon) < 60, `${en} is far from its country`);
  }
});

test("an origin is a city that is known, else the country, else nobody knows", () => {
  assert.equal(origin("BR", "Sao Paulo")?.name, "São Paulo");
  assert.equal(origin("BR", "<b>Nowhere</b>")?.name, "Brazil");
  assert.equal(origin("constructor", "__proto__"), undefined);
  assert.equal(origin("", ""), undefined);
  assert.deepEqual(placeOfZone("Asia/Shanghai").at, [121.5, 31.2]);
});

test("arcs between the same places are one line", () => {
  const home = () => ({ name: "", at: [116, 40] as [number, number] });
  const d = draw([{ country: "DE", site: "a", count: 5, recent: 1 }, { country: "DE", site: "b", count: 3, recent: 2 }, { country: "XX", site: "a", count: 7 }], home);
  assert.equal(d.lines.length, 1);
  assert.deepEqual([d.lines[0]!.count, d.lines[0]!.recent, d.unknown, d.sources[0]!.count], [8, 3, 7, 8]);
});

test("a flight begins and ends at its places", () => {
  const c = curve([10, 200], [900, 300]);
  assert.deepEqual(along(c, 0), [10, 200]);
  assert.deepEqual(along(c, 1), [900, 300]);
  assert.ok(along(c, 0.5)[1] < 200);
});

test("the day has what is over of today, and the rest of yesterday", () => {
  const at = (h: number) => new Date(Date.UTC(2026, 0, 31, h)).toISOString();
  const c = curves({ day_start: at(0), time: at(12), trend: [{ time: at(11), allowed: 50, blocked: 10 }, { time: at(12), allowed: 5 }, { time: at(-11), allowed: 20 }] });
  assert.equal(c.all.length, 144);
  assert.deepEqual([c.allowed[132]![1], c.all[132]![1]], [10, 12]);
  assert.equal(c.before.length, 1);
  assert.equal(c.before[0]![1], 4);
  assert.equal(c.top, 16);
});

test("the canvas moves by no more than its margin", () => {
  for (let m = 0; m < 200; m++) for (const d of shift(m)) assert.ok(Math.abs(d) <= 8);
});

test("a day begins with its first request, not with nothing", () => {
  const at = (h: number) => new Date(Date.UTC(2026, 0, 31, h)).toISOString();
  const c = curves({ day_start: at(0), time: at(12), trend: [{ time: at(11), allowed: 50 }] });
  assert.equal(c.all.length, 12);
  assert.equal(c.all[1]![1], 0); // from then on nothing is nothing
  assert.equal(curves({ day_start: at(0), time: at(12), trend: [{ time: at(12), allowed: 5 }] }).all.length, 0);
  assert.deepEqual(curves({ day_start: at(0), time: at(12) }), { allowed: [], all: [], before: [], top: 1 });
});

test("a gateway's hour begins with the first whole minute", () => {
  const at = (s: number) => new Date(Date.UTC(2026, 0, 31, 12) + s * 1000).toISOString();
  const f = (from: number, now: number, want: number) => assert.equal(wholeMinutes({ day_start: at(0), time: at(now), counted_from: at(from) }), want);
  f(10, 20, 0);
  f(10, 119, 0); // the minute of now is not over
  f(10, 120, 1);
  f(0, 120, 2);
  f(0, 5 * 3600, 59);
  assert.equal(wholeMinutes({ day_start: at(0), time: at(9) }), 59); // a server that does not tell
});
