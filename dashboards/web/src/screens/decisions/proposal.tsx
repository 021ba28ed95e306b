import { useEffect, useRef } from "preact/hooks";
import { mayLabel } from "../../api/session.ts";
import type { Group, ProposalJob } from "../../api/types.ts";
import { Bar } from "../../parts/bar.tsx";
import { Button, Key } from "../../parts/button.tsx";
import { Text } from "../../parts/text.tsx";
import { whyOf } from "../../proposals/acts.ts";
import { ProposalCard } from "../../proposals/card.tsx";
import { otherwiseOf } from "../../proposals/evidence.ts";
import { useJob } from "../../proposals/job.ts";
import { count } from "../../words/format.ts";
import { decisionWords } from "./words.ts";

/** A block whose p(attack) is below this is taken for a false positive by somebody who asks for an exclusion. */
const suspectBelow = 0.9;

interface Props {
  group: Group;
  range: { from: string; to: string };
  focus: number; // rises with each e
}

/** ProposalPane looks for the narrowest exclusions that lift the blocks of a group. */
export function ProposalPane({ group, range, focus }: Props) {
  const w = decisionWords();
  const { job, found, error, begin, again } = useJob();
  const like = group.examples[0]!;
  const start = () => begin({ group_id: like.id, group_source: like.source, suspect: suspectBelow, ...range });
  const before = useRef(focus); // of a group before
  useEffect(() => {
    if (focus === before.current) return;
    document.getElementById("proposal")?.scrollIntoView({ block: "nearest" });
    if (!job && mayLabel()) start();
  }, [focus]);
  const running = job && !job.end_time;
  return (
    <section class="vb prop" id="proposal" aria-label={w.proposed}>
      <div class="sh">
        <h2>{w.proposed}</h2><Key>e</Key><span class="sp" />
        {found && found.length > 0 && <span class="t3">{w.scope(found.length)}</span>}
      </div>
      {!job && !error && <div class="prog"><span class="t3 sm">{mayLabel() ? w.seek : w.mayNot}</span><span class="sp" /><Button disabled={!mayLabel()} onClick={start}>{w.find}</Button></div>}
      {running && (
        <div class="prog" role="status"><span class="t2 sm">{w.stage(job.stage, count(job.done), job.total > 0 ? count(job.total) : "")}</span>
          <Bar share={job.total > 0 ? job.done / job.total : 0.1} /></div>
      )}
      {error && <p class="cb sm" role="alert">{whyOf(error)} <button type="button" class="lnk" onClick={start}>{w.again}</button></p>}
      {job?.error && <p class="cb sm" role="alert" lang="en"><Text v={job.error} /></p>}
      {found && found.length === 0 && !job?.error && <p class="t3 sm">{whyNone(job!)}</p>}
      {found?.map((p) => <ProposalCard key={p.id} p={p} changed={again} />)}
    </section>
  );
}

/** whyNone says why a search found nothing, and what to do then. */
function whyNone(job: ProposalJob): string {
  const w = decisionWords();
  const mended = otherwiseOf(job.left_out);
  if (job.wrong === 0) return mended > 0 ? w.mended(count(mended)) : w.noneWrong;
  return (job.guarded ?? 0) > 0 ? w.guarded(count(job.wrong)) : w.noneFits(count(job.wrong));
}
