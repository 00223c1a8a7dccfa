import { z } from "zod";
import type { FamilyPlugin, ModelFamily } from "./family.js";
import { layOutImages } from "./image-prompt.js";
import {
  factsOf,
  namedToken,
  parseConfig,
  SIZE,
  TEXT_FIELDS,
  TOKEN_ID,
  TOKEN_IDS,
} from "./parse-config.js";
import { plainPositions } from "./shared-prompts.js";
import { wholeGrids, wholeImage } from "./whole-image.js";

/** What a file leaves out is as Python's configuration has it: those of the hub say little. */
const CONFIG = z.looseObject({
  image_token_index: TOKEN_ID.default(262_144),
  boi_token_index: TOKEN_ID.default(255_999),
  eoi_token_index: TOKEN_ID.default(256_000),
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.optional() }).optional(),
  text_config: z.looseObject({
    ...TEXT_FIELDS,
    max_position_embeddings: SIZE.default(131_072),
    num_attention_heads: SIZE.default(8),
    num_key_value_heads: SIZE.default(4),
    head_dim: SIZE.default(256),
  }),
});

/**
 * Gemma 3: the template writes where an image begins; its features stand there between two marks and empty lines. Images
 * are whole: the crops that Python's processor can add to them ("pan and scan") are off there, too.
 *
 * @see Gemma Team 2025 (arXiv 2503.19786)
 */
export const gemma3: FamilyPlugin = {
  name: "gemma3",
  modelTypes: ["gemma3"],
  configure({ config, tokenText }): ModelFamily {
    const read = parseConfig(CONFIG, config);
    const imageTokenId = read.image_token_index;
    const imageToken = namedToken(imageTokenId, tokenText);
    const begin = namedToken(read.boi_token_index, tokenText, "boi_token_index");
    const end = namedToken(read.eoi_token_index, tokenText, "eoi_token_index");
    return {
      name: "gemma3",
      facts: factsOf(read),
      imageToken,
      marks: { boi_token: begin, eoi_token: end },
      process: wholeImage,
      grids: wholeGrids,
      layOut(turns, images, tools) {
        const framed = `\n\n${begin}${imageToken}${end}\n\n`;
        const withFrames = {
          ...tools,
          render: (some: typeof turns, addPrompt: boolean) =>
            tools.render(some, addPrompt).replaceAll(begin, framed),
        };
        const layout = layOutImages(turns, images, withFrames, imageTokenId);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
      },
    };
  },
};
