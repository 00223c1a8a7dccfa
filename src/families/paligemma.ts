import { z } from "zod";
import { InvalidArgumentError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, PromptTurn } from "./family.js";
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

/** What a file leaves out is as Python's configurations of PaliGemma, Gemma and Gemma 2 have it: those of the hub say little. */
const CONFIG = z.looseObject({
  image_token_index: TOKEN_ID.default(256_000),
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.optional() }).optional(),
  text_config: z.looseObject({
    ...TEXT_FIELDS,
    max_position_embeddings: SIZE.default(8192),
    head_dim: SIZE.default(256),
  }),
});

/** As Python's processor has it: images where they are, the mark of a beginning behind the last of them. */
const TEMPLATE = [
  "{%- set content = messages[0].content -%}{%- set seen = namespace(last=-1) -%}",
  "{%- for part in content -%}",
  "{%- if part.type == 'image' -%}{%- set seen.last = loop.index0 -%}{%- endif -%}",
  "{%- endfor -%}",
  "{%- if seen.last < 0 -%}{{ bos_token }}{%- endif -%}",
  "{%- for part in content -%}",
  "{%- if part.type == 'image' -%}{{ '<image>' }}{%- else -%}{{ part.text }}{%- endif -%}",
  "{%- if loop.index0 == seen.last -%}{{ bos_token }}{%- endif -%}",
  "{%- endfor -%}{{ '\\n' }}",
].join("");

/**
 * PaliGemma and PaliGemma 2: a base model with one question to a prompt, whose attention looks ahead within it. No
 * beginning of a prompt can be shared, therefore; and positions begin at 1.
 *
 * @see Beyer et al. 2024 (arXiv 2407.07726), Steiner et al. 2024 (arXiv 2412.03555)
 */
export const paligemma: FamilyPlugin = {
  name: "paligemma",
  modelTypes: ["paligemma"],
  chatTemplate: TEMPLATE,
  configure({ config, tokenText }): ModelFamily {
    const read = parseConfig(CONFIG, config);
    const imageTokenId = read.image_token_index;
    return {
      name: "paligemma",
      facts: factsOf(read),
      imageToken: namedToken(imageTokenId, tokenText),
      looksAhead: true,
      process: wholeImage,
      grids: wholeGrids,
      layOut(turns, images, tools) {
        refuseConversation(turns);
        // The template writes every mark; what the tokenizer would put around a text, the model does not know.
        const alone = { ...tools, encode: tools.encodeText };
        const { tokens, images: places } = layOutImages(turns, images, alone, imageTokenId);
        const positions = plainPositions(tokens.length, { first: 1 });
        return { tokens, images: places, positions, sharedLengths: [] };
      },
    };
  },
};

function refuseConversation(turns: readonly PromptTurn[]): void {
  if (turns.length === 1 && turns[0]!.role === "user") return;
  const roles = turns.map(({ role }) => role).join(", ");
  throw new InvalidArgumentError(
    `turns: received ${roles}; expected one of the user's: PaliGemma knows no conversation. Put what it is to know into the question`,
  );
}
