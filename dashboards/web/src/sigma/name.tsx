import { Text } from "../parts/text.tsx";
import { sigmaTitle } from "./titles.ts";

/** RuleName is the title of a Sigma rule. */
export function RuleName({ v }: { v: string }) {
  const { text, english } = sigmaTitle(v);
  return english ? <span lang="en"><Text v={text} /></span> : <Text v={text} />;
}
