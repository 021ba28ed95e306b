import { store, type Store } from "../shell/store.ts";
import { get, post } from "./client.ts";

interface Preference {
  name: string;
  value: string;
}

/** One of the account: what the server said of it is taken, what is set is sent. */
interface Kept {
  take: (text: string | undefined) => void;
  text: () => string;
}

const all = new Map<string, Kept>();
const unsent = new Set<string>(); // set here, and not yet at the server
let sending = false;

const local = (name: string) => `gw.${name}`;
const unsentKey = local("unsent");

/**
 * preference is a choice that the server keeps for the account. The browser has a
 * copy, which stands while the server cannot be reached; what it has not got is sent
 * when the console is opened next. read gives undefined for what it cannot use.
 */
export function preference<T>(name: string, usual: T, read: (x: unknown) => T | undefined): Store<T> {
  const parse = (text: string | null | undefined): T => {
    try {
      const x = text ? read(JSON.parse(text)) : undefined;
      return x === undefined ? usual : x;
    } catch {
      return usual;
    }
  };
  const value = store(parse(typeof localStorage === "undefined" ? null : localStorage.getItem(local(name))));
  all.set(name, {
    text: () => JSON.stringify(value.get()),
    take: (text) => {
      if (text === undefined) localStorage.removeItem(local(name));
      else localStorage.setItem(local(name), text);
      const now = parse(text);
      if (JSON.stringify(now) !== JSON.stringify(value.get())) value.set(now);
    },
  });
  return {
    ...value,
    set: (v) => {
      value.set(v);
      localStorage.setItem(local(name), JSON.stringify(v));
      unsent.add(name);
      void send();
    },
  };
}

let owner = "";

/** startPreferences takes what the server keeps for the account, and sends it what it has not got. */
export async function startPreferences(user: string): Promise<void> {
  owner = user;
  for (const name of readUnsent(user)) unsent.add(name);
  const { preferences } = await get<{ preferences: Preference[] }>("/api/v1/preferences");
  const told = new Map(preferences.map((p) => [p.name, p.value]));
  for (const [name, kept] of all) if (!unsent.has(name)) kept.take(told.get(name));
  await send();
}

/** readUnsent is what this account has set while the server was gone. */
function readUnsent(user: string): string[] {
  try {
    const x = JSON.parse(localStorage.getItem(unsentKey) ?? "null") as { user?: unknown; names?: unknown };
    return x.user === user && Array.isArray(x.names) ? x.names.filter((n) => all.has(n)) : [];
  } catch {
    return [];
  }
}

function note(): void {
  if (unsent.size === 0) localStorage.removeItem(unsentKey);
  else localStorage.setItem(unsentKey, JSON.stringify({ user: owner, names: [...unsent] }));
}

/** send brings to the server what it has not got, one call at a time. */
async function send(): Promise<void> {
  note();
  if (sending || owner === "" || unsent.size === 0) return;
  sending = true;
  const names = [...unsent];
  unsent.clear();
  try {
    await post("/api/v1/preferences", { preferences: names.map((name) => ({ name, value: all.get(name)!.text() })) });
    sending = false;
    await send();
  } catch {
    for (const name of names) unsent.add(name); // the copy of the browser stands until then
    sending = false;
    note();
  }
}
