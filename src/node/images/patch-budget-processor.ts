import { z } from "zod";
import type { ImageProcessor } from "../../families/family.js";
import { imageSettings, type Size } from "./image-settings.js";
import { givenSettings, parseSettings } from "./parse-settings.js";
import { processImage } from "./process-image.js";

const TYPE = /^Gemma4ImageProcessor(Fast|Pil)?$/;
const COUNT = z.int().min(1).max(16_384);
const SETTINGS = z.looseObject({
  patch_size: COUNT.default(16),
  pooling_kernel_size: COUNT.default(3),
  max_soft_tokens: COUNT.default(280),
});

/** What the processor does where a file says nothing: no normalisation, which the tower does itself. */
const DEFAULTS = {
  image_processor_type: "CLIPImageProcessor",
  do_center_crop: false,
  do_normalize: false,
  image_mean: [0, 0, 0],
  image_std: [1, 1, 1],
};

/**
 * The image processor of Gemma 4 where settings ask for it; undefined where not. An image keeps its sides' ratio and
 * becomes as large as a budget of tokens allows, in whole squares of patches that become one token each.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function patchBudgetProcessor(
  content: Readonly<Record<string, unknown>>,
): ImageProcessor | undefined {
  if (!TYPE.test(String(content.image_processor_type))) return undefined;
  const { patch_size, pooling_kernel_size, max_soft_tokens, image_processor_type, ...others } =
    parseSettings(SETTINGS, givenSettings(content));
  const plain = imageSettings({ ...DEFAULTS, ...others })!;
  const side = patch_size * pooling_kernel_size;
  return async (image) => {
    const size = plain.size === null ? null : sizeWithin(image, side, max_soft_tokens);
    return {
      pixel_values: await processImage(image, { ...plain, size, crop: null }),
      max_patches: max_soft_tokens * pooling_kernel_size ** 2,
    };
  };
}

/**
 * The largest size of an image's ratio that is cut into at most `most` squares, both sides whole squares; at least one
 * square high and wide.
 */
export function sizeWithin({ width, height }: Size, side: number, most: number): Size {
  const factor = Math.sqrt((most * side ** 2) / (height * width));
  const squares = (edge: number) => Math.floor((factor * edge) / side);
  const strip = (ratio: number) => Math.min(Math.floor(ratio), most);
  const [rows, columns] = [squares(height), squares(width)];
  if (rows === 0) return { width: strip(width / height) * side, height: side };
  if (columns === 0) return { width: side, height: strip(height / width) * side };
  return { width: columns * side, height: rows * side };
}
