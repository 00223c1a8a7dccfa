import type { PromptTools, PromptTurn, Span } from "./family.js";

/** Replaces each image's token by as many copies as it has features; returns where each image then stands. */
export function expandImageTokens(
  tokens: readonly number[],
  imageTokenId: number,
  counts: readonly number[],
): { tokens: number[]; images: Span[] } {
  const expanded: number[] = [];
  const images: Span[] = [];
  for (const token of tokens) {
    if (token !== imageTokenId) {
      expanded.push(token);
      continue;
    }
    const start = expanded.length;
    const count = counts[images.length] ?? 0;
    for (let i = 0; i < count; i++) expanded.push(token);
    images.push({ start, end: start + count });
  }
  return { tokens: expanded, images };
}

/**
 * The prompts that earlier answers of a conversation were given to, as far as they are beginnings of this one: how many
 * rendered tokens each has.
 *
 * @param tokens the whole prompt, as encoded
 */
export function earlierPrompts(
  turns: readonly PromptTurn[],
  tokens: readonly number[],
  { render, encode }: Pick<PromptTools, "render" | "encode">,
): number[] {
  return turns.flatMap(({ role }, i) => {
    if (role !== "assistant") return [];
    const earlier = encode(render(turns.slice(0, i), true));
    const isBeginning =
      earlier.length < tokens.length && earlier.every((token, k) => tokens[k] === token);
    return isBeginning ? [earlier.length] : [];
  });
}

/** Plain positions in one plane: 0, 1, 2, ..., or from another first one on. */
export function plainPositions(
  length: number,
  { first = 0 }: { readonly first?: number } = {},
): { planes: Int32Array[]; next: number } {
  return { planes: [Int32Array.from({ length }, (_, i) => first + i)], next: first + length };
}
