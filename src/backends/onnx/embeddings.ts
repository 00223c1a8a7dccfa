import { InferenceError } from "../../errors.js";
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
    const [from, to] = [Math.max(span.start, start), Math.min(span.end, end)];
    if (from >= to) continue;
    const rows = features.rows.subarray((from - span.start) * hidden, (to - span.start) * hidden);
    embeddings.set(rows, (from - start) * hidden);
  }
  return embeddings;
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
  if (!(embeddings.data instanceof Float32Array)) {
    throw new InferenceError(`the token embedding returned ${embeddings.type}; expected float32`);
  }
  return embeddings.data;
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
