// What the page does in its frames, read from a trace of Chromium: the processor time
// of its main thread, which other work on the machine hardly changes.

const categories = ["devtools.timeline", "disabled-by-default-v8.gc", "toplevel", "v8", "blink"];
// Script, style and layout; what runs within one of them is not counted again. Paint
// and compositing are in the time of the whole frame.
const work = new Set([
  "EventDispatch", "FireAnimationFrame", "FunctionCall", "v8.callFunction", "TimerFire", "RunMicrotasks", "v8.run",
  "UpdateLayoutTree", "Layout", "LocalFrameView::UpdateStyleAndLayout", "V8.GC_SCAVENGER", "MinorGC", "MajorGC",
]);

/** traced runs what is to be looked at, and gives the events of the trace. */
export async function traced(page, act) {
  const cdp = await page.context().newCDPSession(page);
  const events = [];
  cdp.on("Tracing.dataCollected", (d) => events.push(...d.value));
  const done = new Promise((f) => cdp.once("Tracing.tracingComplete", f));
  await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: categories, recordMode: "recordUntilFull" } });
  await act(cdp);
  await cdp.send("Tracing.end");
  await done;
  await cdp.detach();
  return events;
}

/** frames gives for each frame the milliseconds of script, style and layout and of all, and the longest task. */
export function frames(events) {
  const main = mainThread(events);
  const mine = events.filter((e) => e.ph === "X" && e.pid === main.pid && e.tid === main.tid).sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const starts = mine.filter((e) => e.name === "WebFrameWidgetImpl::BeginMainFrame").map((e) => e.ts);
  const out = starts.map(() => ({ work: 0, all: 0 }));
  const add = (e, what) => {
    const i = starts.findLastIndex((t) => t <= e.ts);
    if (i >= 0) out[i][what] += e.tdur / 1000;
  };
  let workEnds = 0;
  let taskEnds = 0;
  let task = 0;
  for (const e of mine) {
    if (e.name === "ThreadControllerImpl::RunTask" && e.ts >= taskEnds) {
      taskEnds = e.ts + e.dur;
      task = Math.max(task, e.tdur / 1000);
      // A frame's own task begins before its mark.
      const i = starts.findLastIndex((t) => t <= e.ts + e.dur);
      if (i >= 0) out[i].all += e.tdur / 1000;
    }
    if (work.has(e.name) && e.ts >= workEnds) {
      workEnds = e.ts + e.dur;
      add(e, "work");
    }
  }
  return { frames: out, task };
}

/** The main thread that drew most frames: of the page, not of a worker or another page. */
function mainThread(events) {
  const counts = new Map();
  for (const e of events) {
    if (e.name !== "WebFrameWidgetImpl::BeginMainFrame") continue;
    const key = `${e.pid} ${e.tid}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  if (!most) throw new Error("the trace has no frames");
  const [pid, tid] = most[0].split(" ").map(Number);
  return { pid, tid };
}

/** share gives the value below which a share of the values is. */
export function share(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
}
