import { InferenceError, InvalidArgumentError } from "../errors.js";
import type { PromptPositions } from "./family.js";
import type { ModelParts } from "./model-parts.js";
import type { ImageFeatures } from "./vision.js";

/** A stream's prompt, ready to be prefilled. */
export interface Prompt {
  readonly tokens: readonly number[];
  readonly positions: PromptPositions;
  readonly image: ImageFeatures | undefined;
  /** Tokens up to and including the last image token: what other prompts on the same image may share. */
  readonly prefixLength: number;
  /** Names the prefix: equal keys have equal tokens and features. */
  readonly prefixKey: string;
}

/**
 * Lays out a prompt for the model.
 *
 * @throws InvalidArgumentError when it contains the image token or leaves no room for an answer
 */
export function layOutPrompt(
  parts: ModelParts,
  text: string,
  image: ImageFeatures | undefined,
): Prompt {
  const { family, prompts, info } = parts;
  if (text.includes(family.imageToken)) {
    throw new InvalidArgumentError(
      `prompt: received text with the model's image token ${family.imageToken}; expected a prompt without it (the image is put in its place by itself)`,
    );
  }
  const tokens = family.promptTokens(text, image, prompts);
  if (tokens.length >= info.contextLength) {
    throw new InvalidArgumentError(
      `prompt: received ${tokens.length} tokens${image === undefined ? "" : ` (${image.tokens} of them for the image)`}; expected at most ${info.contextLength - 1}, the model's context less one token for the answer; shorten the prompt`,
    );
  }
  const prefixLength = image === undefined ? 0 : tokens.lastIndexOf(family.imageTokenId) + 1;
  return {
    tokens,
    positions: family.positions(tokens, image),
    image,
    prefixLength,
    prefixKey: `${image?.key ?? ""}/${tokens.slice(0, prefixLength).join(",")}`,
  };
}

/**
 * Embeddings (tokens, hidden) of part of a prompt: the token table's, with image features in place of image tokens.
 *
 * @param start first token, inclusive
 * @param end last token, exclusive
 */
export async function embedPrompt(
  parts: ModelParts,
  prompt: Prompt,
  start: number,
  end: number,
): Promise<Float32Array> {
  const embeddings = await embedTokens(parts, prompt.tokens.slice(start, end));
  const { image } = prompt;
  if (image === undefined) return embeddings;
  const hidden = embeddings.length / (end - start);
  if (image.rows.length !== image.tokens * hidden) {
    throw new InferenceError(
      `image features have ${image.rows.length} values for ${image.tokens} tokens; expected ${hidden} per token, as the token embeddings have`,
    );
  }
  let row = 0;
  for (let i = 0; i < end; i++) {
    if (prompt.tokens[i] !== parts.family.imageTokenId) continue;
    if (i >= start)
      embeddings.set(image.rows.subarray(row * hidden, (row + 1) * hidden), (i - start) * hidden);
    row++;
  }
  return embeddings;
}

/** Embeddings (tokens, hidden) of token ids, free to be overwritten. */
export async function embedTokens(
  parts: ModelParts,
  tokens: readonly number[],
): Promise<Float32Array> {
  const { runtime, embed } = parts;
  const ids = BigInt64Array.from(tokens, BigInt);
  const outputs = await embed.run({ input_ids: new runtime.Tensor("int64", ids, [1, ids.length]) });
  const embeddings = outputs.inputs_embeds ?? outputs[embed.outputNames[0]!]!;
  if (!(embeddings.data instanceof Float32Array)) {
    throw new InferenceError(`the token embedding returned ${embeddings.type}; expected float32`);
  }
  return embeddings.data;
}
