import type { Notifications } from "../../api/types.ts";

/** What is to be said of a webhook; the first that holds. */
export type Delivery = "off" | "retrying" | "waiting" | "someLost" | "works" | "idle";

/** deliveryOf judges the webhook by what the server tells of it. */
export function deliveryOf(n: Notifications): Delivery {
  if (!n.enabled) return "off";
  if (n.pending > 0) return n.last_error !== "" ? "retrying" : "waiting";
  if (n.dead > 0) return "someLost";
  return n.delivered > 0 ? "works" : "idle";
}
