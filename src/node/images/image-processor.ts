import { ModelLoadError } from "../../errors.js";
import type { ImageProcessor } from "../../families/family.js";
import { imageSettings } from "./image-settings.js";
import { patchBudgetProcessor } from "./patch-budget-processor.js";
import { patchProcessor } from "./patch-processor.js";
import { patchTileProcessor } from "./patch-tiles.js";
import { processImage, shownArea } from "./process-image.js";
import { readProcessorConfig } from "./processor-config.js";
import { tileImage } from "./tile-image.js";
import { tileSettings } from "./tile-settings.js";
import { transformersPackage, transformersProcessor } from "./transformers-processor.js";

/**
 * A checkpoint's image processor, which gives the model the pixels that the one in Python gives: plain ones, Qwen-VL's,
 * Gemma 4's, LFM2-VL's and those that make tiles are done here, all others by transformers.js, which resizes as Pillow does
 * here too.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when preprocessor_config.json cannot be read, or asks for something that is not known
 */
export async function loadImageProcessor(path: string): Promise<ImageProcessor> {
  const content = readProcessorConfig(path);
  if (content === undefined) throw new ModelLoadError(`${path} has no preprocessor_config.json`);
  const { image_processor_type: type } = content;
  const inPatches =
    patchProcessor(content) ?? patchBudgetProcessor(content) ?? patchTileProcessor(content);
  if (inPatches !== undefined) return inPatches;
  const settings = imageSettings(content);
  if (settings !== undefined) {
    return async (pixels) => ({
      pixel_values: await processImage(pixels, settings),
      area: shownArea(pixels, settings),
    });
  }
  const tiles = tileSettings(content);
  if (tiles !== undefined) {
    return async (image) => {
      const { pixels, rows, columns } = await tileImage(image, tiles);
      return { pixel_values: pixels, rows, columns };
    };
  }
  const use = `the image processor ${JSON.stringify(type)} of this checkpoint`;
  return transformersProcessor(await transformersPackage(use), path, type);
}
