import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../api/use.ts";
import type { Refusal } from "../api/client.ts";
import { dictionary } from "../words/dictionary.ts";
import { second } from "../words/format.ts";
import { Button } from "./button.tsx";
import { Pill } from "./pill.tsx";
import { Text } from "./text.tsx";

const words = dictionary("states", {
  gone: "Can't reach the server.",
  goneSince: (t: string) => `Can't reach the server. Nothing newer than ${t} yet.`,
  failed: "The server could not answer this.",
  forbidden: "Your role may not see this. An administrator can change that.",
  missing: "This is not there any more.",
  busy: "The server is busy. Wait a moment, then try again.",
  retry: "Retry",
  loading: "Loading",
  partial: "Partial",
}, {
  gone: "连不上服务器。",
  goneSince: (t) => `连不上服务器，${t} 之后的数据还没到。`,
  failed: "服务器没能回答这个请求。",
  forbidden: "你的角色看不了这里。管理员可以调整。",
  missing: "这里的内容已经不在了。",
  busy: "服务器正忙。稍等片刻再试。",
  retry: "重试",
  loading: "加载中",
  partial: "部分结果",
});

/** Empty says what is so and what to do next. */
export function Empty({ children, act }: { children: ComponentChildren; act?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>{children}</p>
      {act && <div class="acts">{act}</div>}
    </div>
  );
}

/** reasonOf says in words what a refusal means. */
export function reasonOf(e: Refusal, fresh?: Date): string {
  const w = words();
  switch (e.status) {
    case 0: case 502: case 504: return fresh ? w.goneSince(second(fresh)) : w.gone;
    case 403: return w.forbidden;
    case 404: return w.missing;
    case 429: case 503: return w.busy;
  }
  return w.failed;
}

/** Failed says what failed, what is still true, and offers to try again. */
export function Failed({ error, fresh, retry }: { error: Refusal; fresh?: Date | undefined; retry: () => void }) {
  return (
    <div class="empty failed" role="alert">
      <p>{reasonOf(error, fresh)}</p>
      {error.status > 0 && (
        <p class="mono t3">{error.status} <span lang="en"><Text v={error.message} /></span></p>
      )}
      <div class="acts"><Button onClick={retry}>{words().retry}</Button></div>
    </div>
  );
}

/** Skeleton shows the layout to come, after 100 ms. */
export function Skeleton({ rows, height = 27 }: { rows: number; height?: number }) {
  const [late, set] = useState(false);
  useEffect(() => {
    const t = setTimeout(() => set(true), 100);
    return () => clearTimeout(t);
  }, []);
  if (!late) return <div class="skel" />;
  return (
    <div class="skel" role="status" aria-label={words().loading}>
      {Array.from({ length: rows }, (_, i) => (
        <div style={{ height: `${height}px` }}><i style={{ width: `${90 - ((i * 37) % 50)}%` }} /></div>
      ))}
    </div>
  );
}

/** Answered draws an answer in each of its states; old data stays while new comes. */
export function Answered<T>({ of, rows, height, children }: {
  of: Answer<T>; rows: number; height?: number; children: (data: T) => ComponentChildren;
}) {
  if (of.data !== undefined) {
    return (
      <>
        {of.error && <Stale error={of.error} fresh={of.fresh} retry={of.retry} />}
        {children(of.data)}
      </>
    );
  }
  if (of.error && !of.busy) return <Failed error={of.error} retry={of.retry} />;
  return <Skeleton rows={rows} height={height ?? 27} />;
}

/** Stale is one line above data that could not be renewed. */
export function Stale({ error, fresh, retry }: { error: Refusal; fresh: Date | undefined; retry: () => void }) {
  return (
    <div class="stale" role="alert">
      <span>{reasonOf(error, fresh)}</span>
      <button type="button" class="lnk" onClick={retry}>{words().retry}</button>
    </div>
  );
}

/** Partial names what an answer lacks. */
export function Partial({ warnings }: { warnings: string[] }) {
  if (warnings.length === 0) return null;
  return (
    <span class="partial" title={warnings.join("\n")}>
      <Pill tone="f" icon="g-fp">{words().partial}: <span lang="en"><Text v={warnings[0]!} /></span></Pill>
    </span>
  );
}
