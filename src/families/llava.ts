import { z } from "zod";
import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError, ModelLoadError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, PromptPart, PromptTurn } from "./family.js";
import { parseConfig, SIZE, TOKEN_ID, TOKEN_IDS } from "./parse-config.js";
import { earlierPrompts, expandImageTokens, plainPositions } from "./shared-prompts.js";

const CONFIG = z.looseObject({
  image_token_id: TOKEN_ID.optional(),
  image_token_index: TOKEN_ID.optional(),
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.optional().catch(undefined) }).optional(),
  text_config: z.looseObject({
    hidden_size: SIZE.optional(),
    num_hidden_layers: SIZE.optional(),
    vocab_size: SIZE.optional(),
    max_position_embeddings: SIZE,
    eos_token_id: TOKEN_IDS,
  }),
});

/**
 * LLaVA: each image's features in place of as many copies of one image token, plain positions.
 *
 * @see Liu et al. 2023 (arXiv 2304.08485)
 */
export const llava: FamilyPlugin = {
  name: "llava",
  modelTypes: ["llava"],
  configure({ config, tokenText }): ModelFamily {
    const { text_config: text, vision_config: vision, ...rest } = parseConfig(CONFIG, config);
    const imageTokenId = rest.image_token_id ?? rest.image_token_index;
    if (imageTokenId === undefined) {
      throw new ModelLoadError(
        "config.json: expected image_token_index or image_token_id; found neither",
      );
    }
    const imageToken = tokenText(imageTokenId);
    if (imageToken === "") {
      throw new ModelLoadError(
        `config.json: the image token has id ${imageTokenId}, which the tokenizer does not know`,
      );
    }
    return {
      name: "llava",
      facts: {
        contextLength: text.max_position_embeddings,
        vocabularySize: text.vocab_size,
        hiddenSize: text.hidden_size,
        layers: text.num_hidden_layers,
        endTokens: [rest.eos_token_id ?? text.eos_token_id ?? []].flat(),
        patchSize: vision?.patch_size,
      },
      imageToken,
      async process(processor, pixels) {
        const { pixel_values: values } = await processor(pixels, {});
        const { data, dims } = values as TensorData;
        return { pixels: { data, dims }, pixelsInput: "pixel_values", inputs: {}, layout: null };
      },
      layOut(turns, images, tools) {
        const placed = turns.map((turn) => withImagesInPlace(turn, imageToken));
        const rendered = tools.encode(tools.render(placed, true));
        const found = rendered.filter((token) => token === imageTokenId).length;
        if (found !== images.length) {
          const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
          throw new InferenceError(
            `the chat template put ${count(found, "image token")} into a prompt with ${count(images.length, "image")}; expected one for each`,
          );
        }
        const counts = images.map(({ tokens }) => tokens);
        const { tokens, images: spans } = expandImageTokens(rendered, imageTokenId, counts);
        const earlier = earlierPrompts(placed, rendered, tools).map(
          (length) =>
            expandImageTokens(rendered.slice(0, length), imageTokenId, counts).tokens.length,
        );
        const behindImages = lastImageOfEachTurn(turns, spans);
        const sharedLengths = [...new Set([...behindImages, ...earlier])].sort((a, b) => a - b);
        return { tokens, positions: plainPositions(tokens.length), images: spans, sharedLengths };
      },
    };
  },
};

/** Chat templates of this family put a turn's images first; where they stand elsewhere, they are written into the text. */
function withImagesInPlace({ role, parts }: PromptTurn, imageToken: string): PromptTurn {
  const firstText = parts.findIndex(({ type }) => type === "text");
  const isUsual = parts.slice(Math.max(firstText, 0)).every(({ type }) => type === "text");
  if (firstText < 0 || isUsual) return { role, parts };
  const text = parts
    .map((part: PromptPart) => (part.type === "text" ? part.text : `${imageToken}\n`))
    .join("");
  return { role, parts: [{ type: "text", text }] };
}

function lastImageOfEachTurn(
  turns: readonly PromptTurn[],
  spans: readonly { end: number }[],
): number[] {
  let seen = 0;
  return turns.flatMap(({ parts }) => {
    const own = parts.filter(({ type }) => type === "image").length;
    seen += own;
    return own === 0 ? [] : [spans[seen - 1]!.end];
  });
}
