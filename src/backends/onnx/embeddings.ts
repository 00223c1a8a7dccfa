import { InferenceError } from "../../errors.js";
import type { ImagePlace, Span } from "../../families/family.js";
import { float32 } from "./float-tensors.js";
import type { OnnxParts } from "./parts.js";
import type { OnnxPrompt } from "./prompt.js";
import type { Tensors } from "./runtime.js";
import { inputsOfToken, type TokenInputs, tokenInputNames } from "./token-inputs.js";

/**
 * What the decoder takes of part of a prompt: the token table's, with image features in place of the embeddings of image
 * tokens.
 *
 * @param start first token, inclusive
 * @param end last token, exclusive
 */
export async function embedPrompt(
  parts: OnnxParts,
  { tokens, images }: Pick<OnnxPrompt, "tokens" | "images">,
  start: number,
  end: number,
): Promise<TokenInputs> {
  const inputs = await embedTokens(parts, tokens.slice(start, end));
  const { data: embeddings, dims } = inputs.inputs_embeds;
  const hidden = dims.at(-1)!;
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
  return inputs;
}

/** Where an image's features stand. */
export function runsOf(place: ImagePlace): readonly Span[] {
  return place.runs ?? [place];
}

/** What the decoder takes of token ids, free to be overwritten. */
export async function embedTokens(
  { runtime, graphs, family: { standIns } }: OnnxParts,
  tokens: readonly number[],
): Promise<TokenInputs> {
  const ids = BigInt64Array.from(tokens, (token) => BigInt(standIns?.get(token) ?? token));
  let outputs: Tensors;
  try {
    outputs = await graphs.embed.run({
      input_ids: new runtime.Tensor("int64", ids, [1, ids.length]),
    });
  } catch (cause) {
    throw new InferenceError(`the token embedding failed: ${(cause as Error).message}`, { cause });
  }
  const inputs = tokenInputNames(graphs).map(([input, output]) => {
    const tensor = outputs[output]!;
    const dims = tensor.dims.slice(1);
    return [input, { data: float32(tensor, `the token embedding's ${output}`), dims }];
  });
  return Object.fromEntries(inputs) as TokenInputs;
}

/** What the decoder takes of tokens of different contexts, each on its own where they fail together; or why there is none. */
export async function embedEach(
  parts: OnnxParts,
  tokens: readonly number[],
): Promise<PromiseSettledResult<TokenInputs>[]> {
  try {
    const all = await embedTokens(parts, tokens);
    return tokens.map((_, i) => ({ status: "fulfilled", value: inputsOfToken(all, i) }));
  } catch {
    return Promise.allSettled(tokens.map((token) => embedTokens(parts, [token])));
  }
}
