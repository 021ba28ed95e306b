import { dictionary } from "../words/dictionary.ts";

const words = dictionary("severity", {
  s1: "Info", s2: "Notice", s3: "Medium", s4: "High", s5: "Critical",
}, {
  s1: "信息", s2: "提示", s3: "中", s4: "高", s5: "严重",
});

export type Level = 1 | 2 | 3 | 4 | 5;

export function levelName(l: Level): string {
  return words()[`s${l}`];
}

/** ofCrs is the level of a severity as rules of the Core Rule Set name it. */
export function ofCrs(severity: string): Level {
  switch (severity.toLowerCase()) {
    case "emergency": case "alert": case "critical": return 5;
    case "error": return 4;
    case "warning": return 3;
    case "notice": return 2;
  }
  return 1;
}

/** pointsOf is what a match adds to the anomaly score. */
export function pointsOf(severity: string): number {
  return { 5: 5, 4: 4, 3: 3, 2: 2, 1: 0 }[ofCrs(severity)];
}

/** ofNumber is the level of 0 to 100. */
export function ofNumber(n: number): Level {
  return n >= 80 ? 5 : n >= 60 ? 4 : n >= 40 ? 3 : n >= 20 ? 2 : 1;
}

/** ofSigma is the level of a Sigma rule. */
export function ofSigma(level: string): Level {
  return ({ critical: 5, high: 4, medium: 3, low: 2 } as Record<string, Level>)[level] ?? 1;
}

/** Severity draws one to five bars; with says its word too. */
export function Severity({ level, word }: { level: Level; word?: boolean }) {
  return (
    <span class="sevw" title={word ? undefined : levelName(level)}>
      <svg class={`sev s${level}`} width="17" height="12" viewBox="0 0 17 12" role="img" aria-label={levelName(level)}>
        {[0, 1, 2, 3, 4].map((i) => (
          <rect x={i * 3.5} y={9 - 2 * i} width="2.5" height={3 + 2 * i} rx=".5" opacity={i < level ? 1 : 0.25} />
        ))}
      </svg>
      {word && <span aria-hidden="true"> {levelName(level)}</span>}
    </span>
  );
}
