import { join } from "node:path";
import { importOptional, ModelLoadError } from "../../errors.js";
import type { ImageProcessor } from "../../families/family.js";
import { readJsonFile } from "../read-text-file.js";
import { imageSettings } from "./image-settings.js";
import { processImage } from "./process-image.js";

/**
 * A checkpoint's image processor, which gives the model the pixels that the one in Python gives: plain ones are done here,
 * all others by transformers.js, which resizes as Pillow does here too.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when preprocessor_config.json cannot be read, or asks for something that is not known
 */
export async function loadImageProcessor(path: string): Promise<ImageProcessor> {
  const content: unknown = readJsonFile(join(path, "preprocessor_config.json"));
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ModelLoadError("preprocessor_config.json: expected an object of settings");
  }
  const { image_processor_type: type } = content as Record<string, unknown>;
  const settings = imageSettings(content as Record<string, unknown>);
  if (settings !== undefined) {
    return async (pixels) => ({ pixel_values: await processImage(pixels, settings) });
  }
  // Loaded when a checkpoint needs it: most do not, and it is as large as the runtime.
  const { transformersProcessor } = await importOptional(
    {
      name: "@huggingface/transformers",
      version: "4.3.1",
      use: `the image processor ${JSON.stringify(type)} of this checkpoint`,
      flags: "--ignore-scripts",
    },
    () => import("./transformers-processor.js"),
  );
  return transformersProcessor(path, type);
}
