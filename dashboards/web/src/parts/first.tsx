import { dictionary } from "../words/dictionary.ts";
import { nodeCommand } from "./nodecommand.ts";

const words = dictionary("first", {
  logs: "This sends a first log, with a token in GATEWATCH_TOKEN:",
  node: "This puts a WAF node in front of a site, which only reports (without --mode detect it blocks):",
}, {
  logs: "用这条命令送入第一份日志，令牌放在 GATEWATCH_TOKEN 里：",
  node: "用这条命令在站点前面放一个只检测、不拦截的 WAF 节点：",
});

/** SendLogs is how the first events come in. */
export function SendLogs() {
  return <span class="first">{words().logs} <code>gatewatch ingest --server {location.origin} --format nginx.access --source gateway-1 access.log</code></span>;
}

/** PlaceNode is how the first decisions come in. */
export function PlaceNode() {
  return <span class="first">{words().node} <code>{nodeCommand()}</code></span>;
}
