import { store, useStore } from "./store.ts";

/** Where the console is: a path and the parameters of its link. */
export interface Place {
  path: string;
  params: URLSearchParams;
}

function read(): Place {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

const place = store<Place>(typeof location === "undefined" ? { path: "/", params: new URLSearchParams() } : read());

/** startRouter follows the browser's back and forward, and links of this console. */
export function startRouter(): void {
  addEventListener("popstate", () => place.set(read()));
  addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element).closest?.("a");
    if (!a || a.target || a.origin !== location.origin || a.hasAttribute("download")) return;
    if (/^\/(api|assets|signin|signout|setup|screen|account|report)(\/|$)/.test(a.pathname)) return;
    e.preventDefault();
    go(a.pathname + a.search);
  });
}

export function here(): Place {
  return place.get();
}

export function usePlace(): Place {
  return useStore(place);
}

/** go opens a path of the console; instead leaves no entry in the history. */
export function go(link: string, instead = false): void {
  if (instead) history.replaceState(null, "", link);
  else history.pushState(null, "", link);
  place.set(read());
}

/** link is a path with parameters; those that are undefined or empty are left out. */
export function link(path: string, params: Record<string, string | undefined>): string {
  const p = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v) p.set(k, v);
  const s = p.toString();
  return s ? `${path}?${s}` : path;
}

/** setParams changes some parameters of the present place. */
export function setParams(change: Record<string, string | undefined>, instead = false): void {
  const { path, params } = here();
  const all: Record<string, string | undefined> = Object.fromEntries(params);
  go(link(path, { ...all, ...change }), instead);
}
