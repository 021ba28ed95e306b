import { get, setCsrf } from "./client.ts";
import { store } from "../shell/store.ts";

/** Who is signed in. */
export interface Session {
  user: { name: string; role: string };
  csrf: string;
  version: string;
  expires_at: string;
}

/** The session, undefined until the server has told it. */
export const session = store<Session | undefined>(undefined);

export async function startSession(): Promise<Session> {
  const asked = get<Session>("/api/v1/session");
  setCsrf(asked.then((s) => s.csrf, () => ""));
  session.set(await asked);
  return asked;
}

const mayWrite = new Set(["analyst", "examiner", "administrator", "admin"]);

/** mayLabel is whether the role may label, acknowledge and assign. */
export function mayLabel(): boolean {
  return mayWrite.has(session.get()?.user.role ?? "");
}

/** mayRoll is whether the role may bring rule sets to nodes. */
export function mayRoll(): boolean {
  return /^admin/.test(session.get()?.user.role ?? "");
}
