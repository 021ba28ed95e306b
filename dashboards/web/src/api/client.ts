import { attended } from "./attention.ts";

/** A refusal by the server, or that it cannot be reached. */
export class Refusal extends Error {
  /** 0 if the server did not answer. */
  readonly status: number;
  readonly field: string;
  readonly column: number;

  constructor(status: number, message: string, field = "", column = 0) {
    super(message);
    this.status = status;
    this.field = field;
    this.column = column;
  }
}

let csrf: Promise<string> = Promise.resolve("");

/** setCsrf tells the token that calls other than GET carry; they wait for it. */
export function setCsrf(token: Promise<string>): void {
  csrf = token;
}

/** signIn leaves for the sign-in page, which leads back here. */
export function signIn(): void {
  location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** send calls the API and gives the answer once it has a status of success. */
export async function send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (!attended()) headers["X-Gatewatch-Unasked"] = "1"; // does not keep the session from ending
  if (method !== "GET") headers["X-CSRF-Token"] = await csrf;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method, headers, credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new Refusal(0, "");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) signIn();
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<Refusal> {
  try {
    const p = (await answer.json()) as { title?: string; detail?: string; field?: string; column?: number };
    return new Refusal(answer.status, p.detail || p.title || "", p.field ?? "", p.column ?? 0);
  } catch {
    return new Refusal(answer.status, "");
  }
}

/** ask calls the API and reads JSON. */
export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await send(method, path, body, signal);
  return (await answer.json()) as T;
}

/** get reads a resource; empty parameters are left out. */
export function get<T>(path: string, params: Record<string, string | number | boolean | undefined> = {}, signal?: AbortSignal): Promise<T> {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== "") p.set(k, String(v));
  const s = p.toString();
  return ask<T>("GET", s ? `${path}?${s}` : path, undefined, signal);
}

export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return ask<T>("POST", path, body, signal);
}
