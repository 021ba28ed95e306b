import type { Notifications } from "../../api/types.ts";

/** What is to be said of a webhook; the first that holds. */
export type Delivery = "off" | "retrying" | "waiting" | "someLost" | "allLost" | "works" | "idle";

/** deliveryOf judges the webhook by what the server tells of it. */
export function deliveryOf(n: Notifications): Delivery {
  if (!n.enabled) return "off";
  if (n.pending > 0) return n.last_error !== "" ? "retrying" : "waiting";
  if (n.dead > 0) return lostSince(n) ? "allLost" : "someLost";
  return n.delivered > 0 ? "works" : "idle";
}

/** lostSince tells whether nothing was taken since the last message that was given up. */
function lostSince(n: Notifications): boolean {
  const last = n.dead_notifications.map((d) => d.end_time ?? "").sort().at(-1) ?? "";
  return n.delivered === 0 || (n.last_delivery_time ?? "") < last;
}
