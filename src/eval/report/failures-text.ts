import { groupBy } from "../../math/group-by.js";
import type { SetFailures } from "./run-analysis.js";

/**
 * What failed, for example `2 questions are left out for every method, since answers failed: regular 2, vcd 1
 * (a.png: cannot be read). --retry-failed asks again.` Empty when nothing did.
 */
export function failuresText({ questions, answers }: SetFailures): string {
  if (answers.length === 0) return "";
  const counts = [...groupBy(answers, ({ method }) => method)].map(
    ([method, failed]) => `${method} ${failed.length}`,
  );
  const left = questions === 1 ? "1 question is" : `${questions} questions are`;
  return (
    `${left} left out for every method, since answers failed: ${counts.join(", ")} ` +
    `(first: ${answers[0]?.error}). --retry-failed asks again.`
  );
}
