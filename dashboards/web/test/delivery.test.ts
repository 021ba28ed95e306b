import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notifications } from "../src/api/types.ts";
import { deliveryOf, type Delivery } from "../src/screens/findings/deliverystate.ts";

test("a webhook is judged by what the server tells of it", () => {
  const none: Notifications = { enabled: true, host: "hooks.example.com", secrets: 1, pending: 0, held: 0, delivered: 0, dead: 0, last_error: "", dead_notifications: [] };
  const f = (change: Partial<Notifications>, want: Delivery) => assert.equal(deliveryOf({ ...none, ...change }), want, JSON.stringify(change));
  f({ enabled: false, pending: 3 }, "off");
  f({}, "idle");
  f({ pending: 2, delivered: 9, dead: 1, last_error: "status 503" }, "retrying");
  f({ pending: 2, delivered: 9 }, "waiting");
  f({ delivered: 9, dead: 1, last_error: "status 503" }, "someLost");
  f({ dead: 1 }, "allLost");
  const lost = { id: "1", kind: "finding", end_time: "2026-01-02T00:00:00Z" } as Notifications["dead_notifications"][number];
  f({ delivered: 9, dead: 1, dead_notifications: [lost], last_delivery_time: "2026-01-01T00:00:00Z" }, "allLost");
  f({ delivered: 9, dead: 1, dead_notifications: [lost], last_delivery_time: "2026-01-03T00:00:00Z" }, "someLost");
  f({ delivered: 9 }, "works");
});
