import type { Prompt } from "../../engine/backend.js";
import { refuseControlTokens } from "../../engine/control-tokens.js";
import type { Stream } from "../../engine/method.js";
import type { View } from "../../engine/view.js";
import { InvalidArgumentError } from "../../errors.js";
import type { ImagePlace, PromptLayout, PromptTurn } from "../../families/family.js";
import { type EditSet, editSet } from "./edit-feeds.js";
import type { OnnxParts } from "./parts.js";
import { isUnknown, withUnknownImages } from "./unknown-images.js";
import type { ImageFeatures } from "./vision.js";

/** A stream's prompt, ready to be prefilled. */
export interface OnnxPrompt extends Prompt {
  readonly positions: PromptLayout["positions"];
  readonly images: readonly { readonly features: ImageFeatures; readonly span: ImagePlace }[];
  /** Edits of the decoder. */
  readonly edits: EditSet;
  /** Beginnings that other prompts may share, the shortest first. */
  readonly prefixes: readonly PromptPrefix[];
  /** Names the whole prompt as a beginning of longer ones, where it may go on. */
  readonly wholeKey: string | undefined;
}

/** A beginning of a prompt. */
export interface PromptPrefix {
  readonly length: number;
  /** Equal keys have equal tokens, features and edits. */
  readonly key: string;
}

/**
 * Lays out a prompt for the model.
 *
 * @param features of the view's images, in order
 * @throws InvalidArgumentError when a text holds a control token, or there is no room for an answer
 */
export function layOutPrompt(
  parts: OnnxParts,
  { view, edits }: Stream,
  features: readonly ImageFeatures[],
  mayGoOn: boolean,
): Omit<OnnxPrompt, "imageMs"> {
  const { family, prompts, info } = parts;
  refuseControlTokens(view, prompts.controls, family.imageToken);
  const whole = family.layOut(promptTurns(view), features, prompts);
  const layout = isUnknown(view) ? withUnknownImages(whole, prompts.unknown) : whole;
  const { tokens, positions } = layout;
  const shown = layout.images.length === 0 ? [] : features;
  const imageTokens = shown.reduce((sum, image) => sum + image.tokens, 0);
  if (tokens.length >= info.contextLength) {
    const ofImages = shown.length === 1 ? "the image" : "images";
    throw new InvalidArgumentError(
      `prompt: received ${tokens.length} tokens${shown.length === 0 ? "" : ` (${imageTokens} of them for ${ofImages})`}; expected at most ${info.contextLength - 1}, the model's context less one token for the answer; shorten the prompt, or what the method adds to it (descriptionTokens of vdgd and described)`,
    );
  }
  const images = shown.map((image, i) => ({ features: image, span: layout.images[i]! }));
  const own = editSet(edits, "decoder");
  const mayBegin = mayGoOn && !own.edits.some(({ endsPrompt }) => endsPrompt);
  const keyOf = (length: number) => prefixKey(tokens, images, own, length);
  return {
    tokens,
    positions,
    imageTokens,
    images,
    edits: own,
    prefixes: layout.sharedLengths.map((length) => ({ length, key: keyOf(length) })),
    wholeKey: mayBegin ? keyOf(tokens.length) : undefined,
  };
}

/** The content of a beginning: its edits, tokens, and the images that stand in it. */
function prefixKey(
  tokens: readonly number[],
  images: OnnxPrompt["images"],
  edits: EditSet,
  length: number,
): string {
  const seen = images.filter(({ span }) => span.start < length);
  return [
    edits.key,
    ...seen.map(({ features }) => features.key),
    tokens.slice(0, length).join(),
  ].join("\n");
}

function promptTurns(view: View): PromptTurn[] {
  return view.map(({ role, parts }) => ({
    role,
    parts: parts.map((part) =>
      part.type === "image" ? { type: "image" } : { type: "text", text: part.text },
    ),
  }));
}
