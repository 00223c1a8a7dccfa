import type { AttentionScores } from "../../../src/onnx/edits/attention-scores.js";

/** g(s) of a head, of the scores of all heads at one query and key: see {@link AttentionScores.by}. */
export const RULES: Record<
  AttentionScores["by"],
  (scores: readonly number[], head: number) => number
> = {
  magnitude: (scores, head) => Math.abs(scores[head]!),
  heads: (scores) => scores.reduce((sum, score) => sum + Math.abs(score), 0) / scores.length,
  score: (scores, head) => scores[head]!,
  one: () => 1,
};
