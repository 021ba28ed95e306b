import { list } from "../../api/event.ts";
import type { Event, Match } from "../../api/types.ts";

/** matchesOf reads the parallel lists of an event. */
export function matchesOf(e: Event): Match[] {
  const rules = list(e, "waf.match.rule_id");
  const of = (name: string) => list(e, `waf.match.${name}`);
  const [variables, values, messages, severities] = [of("variable"), of("value"), of("message"), of("severity")];
  return rules.map((rule, i) => ({
    rule, variable: variables[i] ?? "", value: values[i] ?? "", message: messages[i] ?? "", severity: severities[i] ?? "",
  }));
}
