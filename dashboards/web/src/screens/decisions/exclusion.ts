import type { DecisionDetail, Group } from "../../api/types.ts";

/** An exclusion that takes one place out of the rules that scored there, and no more. */
export interface Exclusion {
  directive: string;
  rules: string[];
  targets: string[];
}

const keyed = new Set([
  "ARGS", "ARGS_GET", "ARGS_POST", "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES", "REQUEST_COOKIES", "REQUEST_COOKIES_NAMES",
  "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "FILES", "FILES_NAMES",
]);
const plainKey = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

/** targetOf is what a rule must not look at any more, undefined where no target names just that. */
export function targetOf(variable: string): string | undefined {
  const cut = variable.indexOf(":");
  if (cut < 0) return undefined;
  const [name, key] = [variable.slice(0, cut), variable.slice(cut + 1)];
  return keyed.has(name) && plainKey.test(key) ? `${name}:${key}` : undefined;
}

function touchable(rule: string): boolean {
  const id = Number(rule);
  const family = Math.floor(id / 1000);
  return id >= 910_000 && id <= 979_999 && family !== 949 && family !== 959;
}

/**
 * compose writes the narrowest exclusion for a group: on its path alone, its rules no
 * longer look at the arguments that they matched there. It is undefined where a match
 * is at a place that no target names, or the path cannot be written.
 */
export function compose(g: Group, d: DecisionDetail, id: number): Exclusion | undefined {
  const scoring = new Set(d.decision.rules);
  const pairs = new Map<string, [rule: string, target: string]>();
  for (const m of d.matches) {
    if (!scoring.has(m.rule)) continue;
    const target = targetOf(m.variable);
    if (!target || !touchable(m.rule)) return undefined;
    pairs.set(`${m.rule};${target}`, [m.rule, target]);
  }
  if (pairs.size === 0 || !/^[/A-Za-z0-9_.~{}\-]+$/.test(g.path_template)) return undefined;
  const operator = g.path_template.includes("{id}")
    ? `@rx ^${g.path_template.split("{id}").map((s) => s.replace(/[.]/g, "\\.")).join("[^/]+")}$`
    : `@streq ${g.path_template}`;
  const actions = [...pairs.values()].map(([rule, target]) => `ctl:ruleRemoveTargetById=${rule};${target}`);
  return {
    directive: `SecRule REQUEST_FILENAME "${operator}" \\\n  "id:${id},phase:1,pass,nolog,\\\n   ${actions.join(",\\\n   ")}"`,
    rules: [...new Set([...pairs.values()].map(([rule]) => rule))],
    targets: [...new Set([...pairs.values()].map(([, target]) => target))],
  };
}
