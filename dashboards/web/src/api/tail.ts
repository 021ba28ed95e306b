import { send } from "./client.ts";
import type { Event } from "./types.ts";

/** One event to come, or how many were passed over. */
export interface Tailed {
  event?: Event;
  missed?: number;
}

/** tail calls f with each event that the query matches from now on, until the signal. */
export async function tail(query: string, f: (t: Tailed) => void, signal: AbortSignal): Promise<void> {
  const answer = await send("POST", "/api/v1/tail", { query }, signal);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const text = line.startsWith("data:") ? line.slice(5) : line;
      if (text.trim() === "" || text.startsWith(":")) continue;
      f(read(text));
    }
  }
}

function read(text: string): Tailed {
  const t = JSON.parse(text) as Tailed & { result?: Tailed };
  return t.result ?? t;
}
