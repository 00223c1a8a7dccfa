import { z } from "zod";
import { ModelLoadError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, PromptTools, PromptTurn } from "./family.js";
import { layOutImages } from "./image-prompt.js";
import {
  factsOf,
  IMAGE_TOKEN_ID,
  namedToken,
  parseConfig,
  SIZE,
  TEXT_FIELDS,
  TOKEN_IDS,
} from "./parse-config.js";
import { plainPositions } from "./shared-prompts.js";
import { wholeGrids, wholeImage } from "./whole-image.js";

const CONFIG = z.looseObject({
  image_token_id: IMAGE_TOKEN_ID.optional(),
  image_token_index: IMAGE_TOKEN_ID.optional(),
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.optional().catch(undefined) }).optional(),
  text_config: z.looseObject(TEXT_FIELDS),
});

/**
 * LLaVA: each image's features in place of as many copies of one image token, plain positions. Of LLaVA-OneVision an image
 * is one tile, and FastVLM is `llava_qwen2`, as their graphs for transformers.js are.
 *
 * @see Liu et al. 2023 (arXiv 2304.08485), Li et al. 2024 (arXiv 2408.03326), Vasu et al. 2024 (arXiv 2412.13303)
 */
export const llava: FamilyPlugin = {
  name: "llava",
  modelTypes: ["llava", "llava_onevision", "llava_qwen2"],
  configure({ config, tokenText }): ModelFamily {
    const read = parseConfig(CONFIG, config);
    const imageTokenId = read.image_token_id ?? read.image_token_index;
    if (imageTokenId === undefined) {
      throw new ModelLoadError(
        "config.json: expected image_token_index or image_token_id; found neither",
      );
    }
    const imageToken = namedToken(imageTokenId, tokenText);
    return {
      name: "llava",
      facts: factsOf(read),
      imageToken,
      // A negative id (-200) is no row of the table.
      ...(imageTokenId < 0 ? { standIns: new Map([[imageTokenId, 0]]) } : {}),
      process: wholeImage,
      grids: wholeGrids,
      layOut(turns, images, tools) {
        const layout = layOutImages(turns, images, withImages(tools, imageToken), imageTokenId);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
      },
    };
  },
};

/**
 * Chat templates of this family put a turn's images first; where they stand elsewhere, or where the template is a text
 * model's and leaves them out, they are written into the text.
 */
function withImages(tools: PromptTools, imageToken: string): PromptTools {
  const inText = ({ role, parts }: PromptTurn): PromptTurn => {
    const texts = parts.map((part) => (part.type === "text" ? part.text : `${imageToken}\n`));
    return { role, parts: [{ type: "text", text: texts.join("") }] };
  };
  return {
    ...tools,
    render(turns, addGenerationPrompt) {
      const ordered = turns.map((turn) => (beginsWithImages(turn) ? turn : inText(turn)));
      const rendered = tools.render(ordered, addGenerationPrompt);
      const shown = turns.flatMap(({ parts }) => parts.filter(({ type }) => type === "image"));
      if (rendered.split(imageToken).length > shown.length) return rendered;
      const leavesImagesOut =
        rendered === tools.render(ordered.map(withoutImages), addGenerationPrompt);
      return leavesImagesOut ? tools.render(turns.map(inText), addGenerationPrompt) : rendered;
    },
  };
}

function withoutImages({ role, parts }: PromptTurn): PromptTurn {
  return { role, parts: parts.filter(({ type }) => type === "text") };
}

/** Whether a turn's images, if it has any, stand before its text. */
function beginsWithImages({ parts }: PromptTurn): boolean {
  const firstText = parts.findIndex(({ type }) => type === "text");
  return firstText < 0 || parts.slice(firstText).every(({ type }) => type === "text");
}

/**
 * Moondream's first generation: LLaVA around a Phi decoder, made without a chat template. This one writes the prompt of its
 * own code: an image, then questions and answers.
 *
 * @see https://github.com/vikhyat/moondream
 */
export const moondream1: FamilyPlugin = {
  ...llava,
  name: "moondream1",
  modelTypes: ["moondream1"],
  configure: (context) => ({ ...llava.configure(context), name: "moondream1" }),
  chatTemplate: [
    "{{ bos_token }}{% for message in messages %}{% if not loop.first %}{{ '\\n\\n' }}{% endif %}",
    "{% if message.role == 'user' %}",
    "{% for part in message.content %}{% if part.type == 'image' %}<image>{% endif %}{% endfor %}",
    "{% if message.content[0].type == 'image' %}{{ '\\n\\n' }}{% endif %}Question: ",
    "{% elif message.role == 'assistant' %}Answer: {% endif %}",
    "{% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}",
    "{% endfor %}{% if add_generation_prompt %}{{ '\\n\\n' }}Answer:{% endif %}",
  ].join(""),
};
