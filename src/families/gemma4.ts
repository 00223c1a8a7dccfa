import { z } from "zod";
import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError, ModelLoadError } from "../errors.js";
import type { FamilyPlugin, ModelFamily, ProcessedImage } from "./family.js";
import { squareCells } from "./feature-grids.js";
import { layOutImages, withFrames } from "./image-prompt.js";
import {
  factsOf,
  namedToken,
  parseConfig,
  SIZE,
  TEXT_FIELDS,
  TOKEN_ID,
  TOKEN_IDS,
} from "./parse-config.js";
import { toPixelPatches } from "./pixel-patches.js";
import { madeNumber, madeTensor } from "./processor-output.js";
import { plainPositions } from "./shared-prompts.js";

const CONFIG = z.looseObject({
  image_token_id: TOKEN_ID,
  boi_token_id: TOKEN_ID,
  eoi_token_id: TOKEN_ID,
  audio_token_id: TOKEN_ID.nullish(),
  video_token_id: TOKEN_ID.nullish(),
  eos_token_id: TOKEN_IDS,
  vision_config: z.looseObject({ patch_size: SIZE.default(16) }).nullish(),
  text_config: z.looseObject({ ...TEXT_FIELDS, pad_token_id: TOKEN_ID.nullish() }),
});

/** Columns and rows of padding. */
const NOWHERE = -1n;

/**
 * Gemma 4: images in a size of their own, as patches with their places, padded to one number of them; plain positions.
 * The decoder takes inputs of each layer for each token; those of images are those of padding.
 *
 * @see https://ai.google.dev/gemma/docs/core/model_card_4
 */
export const gemma4: FamilyPlugin = {
  name: "gemma4",
  modelTypes: ["gemma4"],
  configure({ config, tokenText }): ModelFamily {
    const { vision_config: vision, ...read } = parseConfig(CONFIG, config);
    if (!vision) {
      throw new ModelLoadError(
        "config.json: expected vision_config; found none, so that this checkpoint sees no images",
      );
    }
    const imageTokenId = read.image_token_id;
    const imageToken = namedToken(imageTokenId, tokenText);
    const begin = namedToken(read.boi_token_id, tokenText, "boi_token_id");
    const end = namedToken(read.eoi_token_id, tokenText, "eoi_token_id");
    const framed = `${begin}${imageToken}${end}`;
    const { pad_token_id: padding } = read.text_config;
    if (padding != null) namedToken(padding, tokenText, "text_config.pad_token_id");
    return {
      name: "gemma4",
      facts: factsOf({ ...read, vision_config: vision }),
      imageToken,
      marks: { boi_token: begin, eoi_token: end },
      standIns: new Map(
        [imageTokenId, read.audio_token_id, read.video_token_id].flatMap((id) =>
          id == null ? [] : [[id, padding ?? 0] as const],
        ),
      ),
      async process(processor, pixels) {
        const made = await processor(pixels, {});
        const count = madeNumber(made, "max_patches");
        return processed(madeTensor(made, "pixel_values", 4), vision.patch_size, count);
      },
      grids({ processed: { pixels }, tokens }) {
        const grid = squareCells(tokens, pixels.dims);
        return grid && [grid];
      },
      layOut(turns, images, tools) {
        const inFrames = withFrames(tools, imageToken, images, () => framed);
        const layout = layOutImages(turns, images, inFrames, imageTokenId);
        return { ...layout, positions: plainPositions(layout.tokens.length) };
      },
    };
  },
};

/** An image with the places of its patches; as many patches of padding behind them as make up `count`. */
function processed({ data, dims }: TensorData, patchSize: number, count: number): ProcessedImage {
  const [rows = 0, columns = 0] = dims.slice(2).map((side) => side / patchSize);
  if (!Number.isInteger(rows * columns) || rows * columns > count) {
    throw new InferenceError(
      `the image processor made an image of ${dims.join(" x ")}; expected at most ${count} whole patches of ${patchSize} pixels, the vision tower's; do_resize is off, or the image processor's settings or config.json are another checkpoint's`,
    );
  }
  const places = new BigInt64Array(2 * count).fill(NOWHERE);
  for (let patch = 0; patch < rows * columns; patch++) {
    places[2 * patch] = BigInt(patch % columns);
    places[2 * patch + 1] = BigInt(Math.floor(patch / columns));
  }
  return {
    pixels: { data, dims },
    toInput(pixels) {
      const patches = toPixelPatches(pixels, patchSize);
      const numbers = patches.dims[1]!;
      const padded = new Float32Array(count * numbers);
      padded.set(patches.data);
      return { data: padded, dims: [1, count, numbers] };
    },
    pixelsInput: "pixel_values",
    inputs: { pixel_position_ids: { data: places, dims: [1, count, 2] } },
    layout: null,
  };
}
