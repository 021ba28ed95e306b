import type { Rollout } from "../api/types.ts";
import { Text } from "../parts/text.tsx";
import { moment } from "../words/format.ts";
import { actorName } from "./trial.tsx";
import { rolloutWords } from "./words.ts";

/** History lists the last rollouts, the newest first. */
export function History({ of }: { of: Rollout[] }) {
  const w = rolloutWords();
  const what = (r: Rollout) => {
    const name = (r.candidate || r.stable).slice(0, 12) || w.own;
    return r.candidate === "" ? w.stageAll(name) : r.stage === "shadow" ? w.stageShadow(name) : w.stageCanary(name, `${r.share_percent} %`);
  };
  return (
    <div class="scroll"><table class="grid" aria-label={w.history}>
      <thead><tr><th>{w.when}</th><th>{w.what}</th><th>{w.who}</th><th class="w">{w.why}</th></tr></thead>
      <tbody>{of.map((r) => (
        <tr>
          <td class="mono t2">{moment(new Date(r.create_time))}</td>
          <td class="mono">{what(r)}</td>
          <td><Text v={actorName(r.actor)} /></td>
          <td class="w t2" title={r.reason}><Text v={r.reason} /></td>
        </tr>
      ))}</tbody>
    </table></div>
  );
}
