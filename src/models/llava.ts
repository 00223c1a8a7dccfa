import type { ModelFamily } from "../engine/family.js";
import { InferenceError, ModelLoadError } from "../errors.js";
import type { FamilyPlugin } from "./families.js";

/**
 * LLaVA: one image, its features in place of as many copies of one image token, plain positions.
 *
 * @see Liu et al. 2023 (arXiv 2304.08485)
 */
export const llava: FamilyPlugin = {
  name: "llava",
  modelTypes: ["llava"],
  configure({ config, tokenText }): ModelFamily {
    const imageTokenId = config.image_token_id ?? config.image_token_index;
    if (imageTokenId === undefined) {
      throw new ModelLoadError(
        "config.json: expected image_token_index or image_token_id; found neither",
      );
    }
    return {
      name: "llava",
      imageTokenId,
      imageToken: tokenText(imageTokenId),
      promptTokens(prompt, image, { render, encode }) {
        const text = { type: "text", text: prompt } as const;
        if (image === undefined) return encode(render([text]));
        const tokens = encode(render([{ type: "image" }, text]));
        const place = tokens.indexOf(imageTokenId);
        if (place < 0 || place !== tokens.lastIndexOf(imageTokenId)) {
          throw new InferenceError(
            "the chat template put no image token, or several, into a prompt with one image; expected one",
          );
        }
        const imageTokens = new Array<number>(image.tokens).fill(imageTokenId);
        return [...tokens.slice(0, place), ...imageTokens, ...tokens.slice(place + 1)];
      },
      positions: (tokens) => ({
        planes: [Int32Array.from(tokens, (_, i) => i)],
        next: tokens.length,
      }),
    };
  },
};
