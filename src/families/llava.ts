import { z } from "zod";
import type { TensorData } from "../engine/tensor-data.js";
import { ModelLoadError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, PromptPart, PromptTools, PromptTurn } from "./family.js";
import { withTextConfig } from "./flat-config.js";
import { layOutImages } from "./image-prompt.js";
import { namedToken, parseConfig, SIZE, TOKEN_ID, TOKEN_IDS } from "./parse-config.js";
import { plainPositions } from "./shared-prompts.js";

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
    const {
      text_config: text,
      vision_config: vision,
      ...rest
    } = parseConfig(CONFIG, withTextConfig(config));
    const imageTokenId = rest.image_token_id ?? rest.image_token_index;
    if (imageTokenId === undefined) {
      throw new ModelLoadError(
        "config.json: expected image_token_index or image_token_id; found neither",
      );
    }
    const imageToken = namedToken(imageTokenId, tokenText);
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
        const inPlace: PromptTools = {
          ...tools,
          render: (some, addPrompt) =>
            tools.render(
              some.map((turn) => withImagesInPlace(turn, imageToken)),
              addPrompt,
            ),
        };
        const layout = layOutImages(turns, images, inPlace, imageTokenId);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
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
