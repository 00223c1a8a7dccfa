import { InferenceError } from "../errors.js";
import type { PromptImage, PromptLayout, PromptTools, PromptTurn, Span } from "./family.js";
import { earlierPrompts, expandImageTokens } from "./shared-prompts.js";

/**
 * A prompt whose template writes one image token in the place of each image: each becomes as many as the image has
 * features. It may be cut behind the images of each turn, and behind earlier prompts of the conversation.
 *
 * @throws InferenceError when the template does not put each image in its place
 */
export function layOutImages(
  turns: readonly PromptTurn[],
  images: readonly PromptImage[],
  tools: PromptTools,
  imageTokenId: number,
): Omit<PromptLayout, "positions"> {
  const rendered = tools.encode(tools.render(turns, true));
  checkImageTokens(rendered.filter((token) => token === imageTokenId).length, images.length);
  const counts = images.map(({ tokens }) => tokens);
  const expand = (some: readonly number[]) => expandImageTokens(some, imageTokenId, counts);
  const { tokens, images: spans } = expand(rendered);
  const earlier = earlierPrompts(turns, rendered, tools).map(
    (length) => expand(rendered.slice(0, length)).tokens.length,
  );
  return { tokens, images: spans, sharedLengths: sharedLengths(turns, spans, earlier) };
}

/** @throws InferenceError when the chat template did not put each image in its place */
export function checkImageTokens(found: number, images: number): void {
  if (found === images) return;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  throw new InferenceError(
    `the chat template put ${count(found, "image token")} into a prompt with ${count(images, "image")}; expected one for each`,
  );
}

/**
 * Where a prompt may be cut: behind the images of each turn, and behind earlier prompts of the conversation.
 *
 * @param earlier lengths of these prompts
 */
export function sharedLengths(
  turns: readonly PromptTurn[],
  places: readonly Span[],
  earlier: readonly number[],
): number[] {
  // Behind as many images as a turn's images and those before it are; turns of text alone add none.
  let seen = 0;
  const behindImages = turns.flatMap(({ parts }) => {
    const own = parts.filter(({ type }) => type === "image").length;
    seen += own;
    return own === 0 ? [] : [places[seen - 1]!.end];
  });
  return [...new Set([...behindImages, ...earlier])].sort((a, b) => a - b);
}
