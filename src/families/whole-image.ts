import { type FeatureGrid, type PictureArea, WHOLE_PICTURE } from "../engine/feature-grid.js";
import type { ImageProcessor, ProcessedImage, PromptImage, RgbPixels } from "./family.js";
import { squareCells } from "./feature-grids.js";
import { madeTensor } from "./processor-output.js";

/** An image as its pixels alone, (1, 3, H, W), and what they show: for towers that take every image whole and in one size. */
export async function wholeImage(
  processor: ImageProcessor,
  pixels: RgbPixels,
): Promise<ProcessedImage<PictureArea>> {
  const made = await processor(pixels, {});
  return {
    pixels: madeTensor(made, "pixel_values", 4),
    pixelsInput: "pixel_values",
    inputs: {},
    layout: made.area ?? WHOLE_PICTURE,
  };
}

/** The grid of an image's features where they are those of equal squares of {@link wholeImage}, row by row. */
export function wholeGrids({
  processed: { pixels, layout },
  tokens,
}: PromptImage<PictureArea>): FeatureGrid[] | undefined {
  const grid = squareCells(tokens, pixels.dims, layout);
  return grid && [grid];
}
