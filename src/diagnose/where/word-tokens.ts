import { objectFinder } from "../../eval/index.js";
import type { Explanation } from "../contract/explanation.js";

/** The tokens of an answer's words for objects: of the phrases that were found, else of CHAIR's words. */
export function wordTokens({
  answer,
  tokens,
  phrases,
}: Pick<Explanation, "answer" | "tokens" | "phrases">): Set<number> {
  const found = phrases.filter(({ kind }) => kind === "object");
  const words = phrases.length > 0 ? found : objectFinder({ rule: "colour-aware" }).find(answer);
  return new Set(
    words.flatMap(({ start, end }) =>
      [...tokens.keys()].filter((i) => tokens[i]!.start < end && tokens[i]!.end > start),
    ),
  );
}
