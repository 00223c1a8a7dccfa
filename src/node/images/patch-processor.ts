import { z } from "zod";
import type { ImageProcessor, RgbPixels } from "../../families/family.js";
import { toPatches } from "../../families/patches.js";
import { fittedSize } from "./fitted-size.js";
import { imageSettings } from "./image-settings.js";
import { parseSettings } from "./parse-settings.js";
import { processImage } from "./process-image.js";

const TYPE = /^Qwen2(_5_)?VLImageProcessor(Fast)?$/;
const COUNT = z
  .int()
  .min(1)
  .max(2 ** 31);
const SETTINGS = z.looseObject({
  patch_size: COUNT.default(14),
  merge_size: COUNT.default(2),
  temporal_patch_size: COUNT.default(2),
  min_pixels: COUNT.nullish(),
  max_pixels: COUNT.nullish(),
  size: z
    .union([
      z.strictObject({ shortest_edge: COUNT, longest_edge: COUNT }),
      // Of the first files of Qwen2-VL.
      z
        .strictObject({ min_pixels: COUNT, max_pixels: COUNT })
        .transform((size) => ({ shortest_edge: size.min_pixels, longest_edge: size.max_pixels })),
    ])
    .default({ shortest_edge: 56 * 56, longest_edge: 28 * 28 * 1280 }),
});

/**
 * The image processor of Qwen-VL where the content of a preprocessor_config.json asks for it; undefined where not. It gives
 * the patches that the one in Python gives: that of transformers.js rounds halves the other way, enlarges thin images
 * beforehand, and takes two images of one size for two frames.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function patchProcessor(
  content: Readonly<Record<string, unknown>>,
): ImageProcessor | undefined {
  if (!TYPE.test(String(content.image_processor_type))) return undefined;
  const { patch_size, merge_size, temporal_patch_size, min_pixels, max_pixels, size, ...others } =
    parseSettings(SETTINGS, content);
  // But for the size, these are the settings of a plain processor.
  const plain = imageSettings({ ...others, image_processor_type: "CLIPImageProcessor" })!;
  const geometry = { patchSize: patch_size, mergeSize: merge_size, frames: temporal_patch_size };
  const side = patch_size * merge_size;
  const area = {
    least: min_pixels ?? size.shortest_edge,
    most: max_pixels ?? size.longest_edge,
  };
  return async (image) => {
    const fitted =
      plain.size === null ? inWhole(image, side) : fittedSize(notTooOblong(image), side, area);
    const pixels = await processImage(image, { ...plain, size: fitted, crop: null });
    const [, , height, width] = pixels.dims as [number, number, number, number];
    const grid = [1, height / patch_size, width / patch_size];
    return {
      pixel_values: toPatches(pixels, geometry),
      image_grid_thw: { data: BigInt64Array.from(grid, BigInt), dims: [1, 3] },
    };
  };
}

/** @throws Error when an image that is not resized is not cut into whole squares */
function inWhole({ width, height }: RgbPixels, side: number): null {
  if (width % side === 0 && height % side === 0) return null;
  throw new Error(
    `it has ${width} x ${height} pixels; expected sides in whole squares of ${side}, since preprocessor_config.json has do_resize off`,
  );
}

/** Longest side of an image, in shortest sides. */
const MOST_OBLONG = 200;

/** @throws Error when the image is too oblong */
function notTooOblong(image: RgbPixels): RgbPixels {
  const { width, height } = image;
  if (Math.max(width, height) / Math.min(width, height) <= MOST_OBLONG) return image;
  throw new Error(
    `it has ${width} x ${height} pixels; expected a longer side of at most ${MOST_OBLONG} shorter ones`,
  );
}
