import type { ImageProcessor, ProcessedImage, RgbPixels } from "./family.js";
import { madeTensor } from "./processor-output.js";

/** An image as its pixels alone, (1, 3, H, W): for towers that take every image whole and in one size. */
export async function wholeImage(
  processor: ImageProcessor,
  pixels: RgbPixels,
): Promise<ProcessedImage<null>> {
  const made = await processor(pixels, {});
  return {
    pixels: madeTensor(made, "pixel_values", 4),
    pixelsInput: "pixel_values",
    inputs: {},
    layout: null,
  };
}
