import { post, Refusal } from "../../api/client.ts";
import type { Alert } from "../../api/types.ts";
import { reasonOf } from "../../parts/states.tsx";
import { tell } from "../../shell/undo.ts";
import { findingWords } from "./words.ts";

/** What is to change; what is left out stays. */
export interface Change {
  status?: Alert["status"];
  assignee?: string;
  note?: string;
}

async function put(id: string, revision: number, c: Change): Promise<Alert> {
  const { alert } = await post<{ alert: Alert }>(`/api/v1/alerts/${encodeURIComponent(id)}`, { id, revision, ...c });
  return alert;
}

/** change updates a finding and tells of it; the undo puts state and owner back as they were. */
export async function change(a: Alert, c: Change, said: string, done: (a: Alert) => void): Promise<void> {
  const w = findingWords();
  try {
    const now = await put(a.id, a.revision, c);
    done(now);
    tell({
      said,
      undo: async () => done(await put(a.id, now.revision, { status: a.status, assignee: a.assignee, note: "undone" })),
    });
  } catch (e) {
    const conflict = e instanceof Refusal && (e.status === 409 || e.status === 412);
    tell({ said: conflict ? w.conflict : w.failed(e instanceof Refusal ? reasonOf(e) : String(e)), failed: true });
  }
}
