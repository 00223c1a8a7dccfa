import { InferenceError } from "../../errors.js";
import type { ImagePlace, Span } from "../../families/family.js";
import { float32 } from "./float-tensors.js";
import type { OnnxParts } from "./parts.js";
import type { OnnxPrompt } from "./prompt.js";
import type { Tensors } from "./runtime.js";

/**
 * Embeddings (tokens, hidden) of part of a prompt: the token table's, with image features in place of image tokens.
 *
 * @param start first token, inclusive
 * @param end last token, exclusive
 */
export async function embedPrompt(
  parts: OnnxParts,
  { tokens, images }: Pick<OnnxPrompt, "tokens" | "images">,
  start: number,
  end: number,
): Promise<Float32Array> {
  const embeddings = await embedTokens(parts, tokens.slice(start, end));
  const hidden = embeddings.length / (end - start);
  for (const { features, span } of images) {
    if (features.rows.length !== features.tokens * hidden) {
      throw new InferenceError(
        `image features have ${features.rows.length} values for ${features.tokens} tokens; expected ${hidden} per token, as the token embeddings have`,
      );
    }
    let before = 0;
    for (const run of runsOf(span)) {
      const [from, to] = [Math.max(run.start, start), Math.min(run.end, end)];
      const first = before + from - run.start;
      before += run.end - run.start;
      if (from >= to) continue;
      const rows = features.rows.subarray(first * hidden, (first + to - from) * hidden);
      embeddings.set(rows, (from - start) * hidden);
    }
  }
  return embeddings;
}

/** Where an image's features stand. */
export function runsOf(place: ImagePlace): readonly Span[] {
  return place.runs ?? [place];
}

/** Embeddings (tokens, hidden) of token ids, free to be overwritten. */
export async function embedTokens(
  { runtime, graphs: { embed } }: OnnxParts,
  tokens: readonly number[],
): Promise<Float32Array> {
  const ids = BigInt64Array.from(tokens, BigInt);
  let outputs: Tensors;
  try {
    outputs = await embed.run({ input_ids: new runtime.Tensor("int64", ids, [1, ids.length]) });
  } catch (cause) {
    throw new InferenceError(`the token embedding failed: ${(cause as Error).message}`, { cause });
  }
  const embeddings = outputs.inputs_embeds ?? outputs[embed.outputNames[0]!]!;
  return float32(embeddings, "the token embedding");
}

/** Embeddings (hidden) of tokens of different contexts, each on its own where they fail together; or why there is none. */
export async function embedEach(
  parts: OnnxParts,
  tokens: readonly number[],
): Promise<PromiseSettledResult<Float32Array>[]> {
  try {
    const all = await embedTokens(parts, tokens);
    const hidden = all.length / tokens.length;
    return tokens.map((_, i) => ({
      status: "fulfilled",
      value: all.subarray(i * hidden, (i + 1) * hidden),
    }));
  } catch {
    return Promise.allSettled(tokens.map((token) => embedTokens(parts, [token])));
  }
}
