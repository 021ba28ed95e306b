/** The screens, and what is done on them before they are looked at. */
export const screens = [
  { name: "overview", path: "/overview" },
  { name: "search", path: "/search", ready: "#events-0", keys: ["KeyJ", "Enter"], wait: ".fly" },
  { name: "decisions", path: "/decisions", wait: ".labels" },
  { name: "sample", path: "/decisions?queue=sample", wait: ".empty .btn" },
  { name: "findings", path: "/findings" },
  { name: "delivery", path: "/findings?view=delivery", wait: ".empty pre" },
  { name: "rules", path: "/rules", ready: "#rules-0", keys: ["KeyJ"], wait: ".bench" },
  { name: "tuning", path: "/tuning" },
  { name: "whatif", path: "/tuning?view=whatif", wait: ".wi" },
  { name: "nodes", path: "/nodes" },
  { name: "keys", path: "/search", keys: ["Shift+Slash"], wait: ".sheet" },
  { name: "nowhere", path: "/nowhere" },
];
