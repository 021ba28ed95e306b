import { useEffect, useState } from "preact/hooks";
import { get, post, Refusal } from "../api/client.ts";
import type { Proposal, ProposalJob } from "../api/types.ts";

/** What became of a search for proposals. */
export interface Searching {
  job: ProposalJob | undefined;
  found: Proposal[] | undefined; // once it has ended
  error: Refusal | undefined;
  begin: (ask: object) => void;
  again: () => void; // reads the proposals anew
}

const every = 700;

/** useJob begins a search for proposals and follows it to its end. */
export function useJob(): Searching {
  const [job, setJob] = useState<ProposalJob | undefined>(undefined);
  const [found, setFound] = useState<Proposal[] | undefined>(undefined);
  const [error, setError] = useState<Refusal | undefined>(undefined);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!job) return;
    const stop = new AbortController();
    const failed = (e: unknown) => !stop.signal.aborted && setError(e instanceof Refusal ? e : new Refusal(0, String(e)));
    if (job.end_time) {
      Promise.all(job.proposals.map((id) => get<{ proposal: Proposal }>(`/api/v1/proposals/${id}`, {}, stop.signal))).then(
        (all) => !stop.signal.aborted && setFound(all.map((x) => x.proposal)), failed);
      return () => stop.abort();
    }
    const t = setTimeout(() => {
      get<{ job?: ProposalJob }>("/api/v1/proposals:job", {}, stop.signal).then((x) => !stop.signal.aborted && setJob(x.job), failed);
    }, every);
    return () => {
      clearTimeout(t);
      stop.abort();
    };
  }, [job, turn]);
  return {
    job, found, error,
    begin: (ask) => {
      setError(undefined);
      setFound(undefined);
      post<{ job: ProposalJob }>("/api/v1/proposals:propose", ask).then((x) => setJob(x.job), (e: unknown) => setError(e instanceof Refusal ? e : new Refusal(0, String(e))));
    },
    again: () => setTurn((n) => n + 1),
  };
}
