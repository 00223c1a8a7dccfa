import { InferenceError } from "../errors.js";
import type {
  ImagePlace,
  PromptImage,
  PromptLayout,
  PromptTools,
  PromptTurn,
  Span,
} from "./family.js";
import { earlierPrompts, expandImageTokens } from "./shared-prompts.js";

/**
 * A prompt whose template writes one image token for each run of an image's features: each becomes as many as the run has.
 * It may be cut behind the images of each turn, and behind earlier prompts of the conversation.
 *
 * @param runsOf how many features stand together, run by run, with other tokens between them; all of an image's by default
 * @throws InferenceError when the template does not put each image in its place
 */
export function layOutImages<Layout>(
  turns: readonly PromptTurn[],
  images: readonly PromptImage<Layout>[],
  tools: Pick<PromptTools, "render" | "encode">,
  imageTokenId: number,
  runsOf: (image: PromptImage<Layout>) => readonly number[] = ({ tokens }) => [tokens],
): Omit<PromptLayout, "positions"> {
  const rendered = tools.encode(tools.render(turns, true));
  const runs = images.map(runsOf);
  const counts = runs.flat();
  const expand = (some: readonly number[]) => expandImageTokens(some, imageTokenId, counts);
  const { tokens, images: spans } = expand(rendered);
  checkImageTokens(spans.length, counts.length);
  const places = runs.map(({ length }) => placeOf(spans.splice(0, length)));
  const earlier = earlierPrompts(turns, rendered, tools).map(
    (length) => expand(rendered.slice(0, length)).tokens.length,
  );
  return { tokens, images: places, sharedLengths: sharedLengths(turns, places, earlier) };
}

/**
 * A template that writes one image token for each image, made to write an image's frame in its place: an image token for each
 * run of its features, and what stands around them.
 */
export function withFrames<Layout>(
  { render, encode }: Pick<PromptTools, "render" | "encode">,
  imageToken: string,
  images: readonly PromptImage<Layout>[],
  frame: (image: PromptImage<Layout>, imageToken: string) => string,
): Pick<PromptTools, "render" | "encode"> {
  return {
    render(turns: readonly PromptTurn[], addGenerationPrompt: boolean) {
      const [before, ...pieces] = render(turns, addGenerationPrompt).split(imageToken);
      const shown = turns.flatMap(({ parts }) => parts.filter(({ type }) => type === "image"));
      checkImageTokens(pieces.length, shown.length);
      const framed = pieces.map((piece, i) => frame(images[i]!, imageToken) + piece);
      return [before, ...framed].join("");
    },
    encode,
  };
}

function placeOf(runs: readonly Span[]): ImagePlace {
  const place = { start: runs[0]!.start, end: runs.at(-1)!.end };
  return runs.length === 1 ? place : { ...place, runs };
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
function sharedLengths(
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
