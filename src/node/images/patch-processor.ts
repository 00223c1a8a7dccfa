import { z } from "zod";
import { ModelLoadError } from "../../errors.js";
import type { ImageProcessor } from "../../families/family.js";
import { toPatches } from "../../families/patches.js";
import { imageSettings, type Size } from "./image-settings.js";
import { processImage } from "./process-image.js";

/** Bounds of an image's area after resizing, in pixels. */
interface Area {
  readonly least: number;
  readonly most: number;
}

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

/** Longest side of an image, in shortest sides. */
const MOST_OBLONG = 200;

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
  const { success, data, error } = SETTINGS.safeParse(content);
  if (!success) {
    const [{ path, message }] = error.issues as [z.core.$ZodIssue];
    const field = String(path[0]);
    throw new ModelLoadError(
      `preprocessor_config.json: ${field}: received ${JSON.stringify(content[field])}; ${message}`,
    );
  }
  const { patch_size, merge_size, temporal_patch_size, min_pixels, max_pixels, size, ...others } =
    data;
  // But for the size, these are the settings of a plain processor.
  const plain = imageSettings({ ...others, image_processor_type: "CLIPImageProcessor" })!;
  const geometry = { patchSize: patch_size, mergeSize: merge_size, frames: temporal_patch_size };
  const side = patch_size * merge_size;
  const area = {
    least: min_pixels ?? size.shortest_edge,
    most: max_pixels ?? size.longest_edge,
  };
  return async (image) => {
    const fitted = plain.size === null ? null : fittedSize(image, side, area);
    const pixels = await processImage(image, { ...plain, size: fitted, crop: null });
    const [, , height, width] = pixels.dims as [number, number, number, number];
    const grid = [1, height / patch_size, width / patch_size];
    return {
      pixel_values: toPatches(pixels, geometry),
      image_grid_thw: { data: BigInt64Array.from(grid, BigInt), dims: [1, 3] },
    };
  };
}

/**
 * The size nearest to an image's whose sides are multiples of `side` and whose area lies within bounds.
 *
 * @throws Error when the image is too oblong
 */
export function fittedSize({ width, height }: Size, side: number, { least, most }: Area): Size {
  const oblong = Math.max(width, height) / Math.min(width, height);
  if (oblong > MOST_OBLONG) {
    throw new Error(
      `it has ${width} x ${height} pixels; expected a longer side of at most ${MOST_OBLONG} shorter ones`,
    );
  }
  const nearest = [width, height].map((edge) => roundHalfToEven(edge / side) * side);
  const nearestArea = nearest[0]! * nearest[1]!;
  const toSide = (edge: number): number => {
    if (nearestArea > most) {
      const shrunk = edge / Math.sqrt((width * height) / most);
      return Math.max(side, Math.floor(shrunk / side) * side);
    }
    if (nearestArea < least) {
      return Math.ceil((edge * Math.sqrt(least / (width * height))) / side) * side;
    }
    return roundHalfToEven(edge / side) * side;
  };
  return { width: toSide(width), height: toSide(height) };
}

/** As Python's `round`. */
function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
