// A checkpoint family: what its config.json says, how it takes images, and how its prompts are laid out.
// SmolVLM with each image whole: `<fake><global-img><image>*n<fake>` in place of an image (the one that comes with this
// package cuts images into tiles).
import {
  earlierPrompts,
  expandImageTokens,
  type FamilyPlugin,
  ModelLoadError,
  type PromptTurn,
  plainPositions,
  type TensorData,
} from "groundsight/core";

interface Config {
  readonly image_token_id: number;
  readonly vision_config: { readonly patch_size: number };
  readonly text_config: {
    readonly max_position_embeddings: number;
    readonly vocab_size?: number;
    readonly hidden_size?: number;
    readonly num_hidden_layers?: number;
    readonly eos_token_id?: number;
  };
}

const AROUND = "<fake_token_around_image>";

/** @see Marafioti et al. 2025 (arXiv 2504.05299) */
export const wholeSmolvlm: FamilyPlugin = {
  name: "whole-smolvlm",
  modelTypes: ["smolvlm", "idefics3"],
  configure({ config, tokenText }) {
    const { image_token_id: imageTokenId, vision_config, text_config: text } = config as Config;
    if (!Number.isInteger(text?.max_position_embeddings)) {
      throw new ModelLoadError("config.json: text_config.max_position_embeddings is missing");
    }
    const imageToken = tokenText(imageTokenId);
    return {
      name: "whole-smolvlm",
      imageToken,
      facts: {
        contextLength: text.max_position_embeddings,
        vocabularySize: text.vocab_size,
        hiddenSize: text.hidden_size,
        layers: text.num_hidden_layers,
        endTokens: [text.eos_token_id ?? []].flat(),
        patchSize: vision_config.patch_size,
      },
      // The processor is asked for one tile, and gives a mask of its pixels beside it; the graph takes both by name.
      async process(processor, pixels) {
        const made = await processor(pixels, { do_image_splitting: false });
        const mask = made.pixel_attention_mask as TensorData<Uint8Array>;
        return {
          pixels: made.pixel_values as TensorData,
          pixelsInput: "pixel_values",
          inputs: { pixel_attention_mask: mask },
          layout: null,
        };
      },
      // The template writes one image token for each image; what stands around it is put there before it is encoded.
      layOut(turns, images, tools) {
        const withFrames = {
          render: (some: readonly PromptTurn[], addPrompt: boolean) =>
            tools
              .render(some, addPrompt)
              .replaceAll(imageToken, `${AROUND}<global-img>${imageToken}${AROUND}`),
          encode: tools.encode,
        };
        const counts = images.map(({ tokens }) => tokens);
        const expand = (tokens: readonly number[]) =>
          expandImageTokens(tokens, imageTokenId, counts);
        const rendered = withFrames.encode(withFrames.render(turns, true));
        const { tokens, images: spans } = expand(rendered);
        // Attention is causal, so whatever begins in the same way may be shared.
        const earlier = earlierPrompts(turns, rendered, withFrames).map(
          (length) => expand(rendered.slice(0, length)).tokens.length,
        );
        return {
          tokens,
          positions: plainPositions(tokens.length),
          images: spans,
          sharedLengths: [...new Set([...spans.map(({ end }) => end), ...earlier])].sort(
            (a, b) => a - b,
          ),
        };
      },
    };
  },
};
