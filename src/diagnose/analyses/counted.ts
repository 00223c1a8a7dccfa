import type { AnalysisContext } from "../contract/analysis.js";

/**
 * Tells progress by one step at each call.
 *
 * @param total steps of the whole work
 */
export function counted(
  { progress }: Pick<AnalysisContext, "progress">,
  total: number,
): () => void {
  let done = 0;
  return () => progress(++done, total);
}
