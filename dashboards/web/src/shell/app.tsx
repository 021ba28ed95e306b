import { useEffect, useState } from "preact/hooks";
import { session } from "../api/session.ts";
import { Empty } from "../parts/states.tsx";
import { useLanguageChanges } from "../words/changes.ts";
import { Fence } from "./fence.tsx";
import { useKeys } from "./keys.ts";
import { KeySheet } from "./keysheet.tsx";
import { Rail } from "./rail.tsx";
import { refresh, step } from "./range.ts";
import { go, here, link, usePlace } from "./router.ts";
import { screenAt, screens } from "./screen.ts";
import { useStore } from "./store.ts";
import { Toast, undo } from "./toast.tsx";
import { TopBar } from "./topbar.tsx";
import { shellWords } from "./words.ts";

/** App is the frame: rail, the screen of the path, toast, sheet of keys. */
export function App() {
  useLanguageChanges();
  useStore(session); // what the role may do is drawn once it is known
  const w = shellWords();
  const { path } = usePlace();
  const [sheet, setSheet] = useState(false);
  const screen = screenAt(path);
  useEffect(() => {
    if (path === "/") go(link("/overview", Object.fromEntries(here().params)), true);
  }, [path]);
  useEffect(() => {
    document.title = screen ? `${screen.name()} · Gatewatch` : "Gatewatch";
  });
  useKeys(() => w.everywhere, [
    ...screens().map((s) => ({
      code: `KeyG Key${s.letter.toUpperCase()}`, what: () => w.goTo(s.name()),
      run: () => go(link(s.path, { from: here().params.get("from") ?? "", to: here().params.get("to") ?? "" })),
    })),
    { code: "BracketLeft", what: () => w.earlier, run: () => step(-1) },
    { code: "BracketRight", what: () => w.later, run: () => step(1) },
    { code: "Period", what: () => w.refresh, run: refresh },
    { code: "KeyZ", what: () => w.undo, run: undo },
    { code: "Shift+Slash", what: () => w.help, run: () => setSheet(true) },
  ]);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById("main")?.focus(); }}>{w.skip}</a>
      <div class="app">
        <Rail />
        <Fence key={screen?.path ?? ""}>
          {screen ? <screen.view /> : path === "/" ? null : (
            <>
              <TopBar title="Gatewatch" timeless />
              <main class="one" id="main" tabIndex={-1}>
                <Empty act={<a class="btn" href="/overview">{w.toOverview}</a>}>{w.noScreen}</Empty>
              </main>
            </>
          )}
        </Fence>
      </div>
      <Toast />
      {sheet && <KeySheet close={() => setSheet(false)} />}
    </>
  );
}
