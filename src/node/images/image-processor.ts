import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AutoImageProcessor, RawImage } from "@huggingface/transformers";
import { ModelLoadError } from "../../errors.js";
import type { ImageProcessor, ProcessorOutput, RgbPixels } from "../../families/family.js";
import { imageSettings } from "./image-settings.js";
import { processImage } from "./process-image.js";
import { RESAMPLING_FILTERS, resample } from "./resample.js";

/**
 * A checkpoint's image processor, which gives the model the pixels that the one in Python gives: plain ones are done here,
 * all others by transformers.js, which resizes as Pillow does here too.
 *
 * @param path the checkpoint's folder
 * @throws ModelLoadError when preprocessor_config.json cannot be read, or asks for something that is not known
 */
export async function loadImageProcessor(path: string): Promise<ImageProcessor> {
  const content: unknown = JSON.parse(readFileSync(join(path, "preprocessor_config.json"), "utf8"));
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ModelLoadError("preprocessor_config.json: expected an object of settings");
  }
  const settings = imageSettings(content as Record<string, unknown>);
  if (settings !== undefined) {
    return async (pixels) => ({ pixel_values: await processImage(pixels, settings) });
  }
  const processor = await AutoImageProcessor.from_pretrained(path, { local_files_only: true });
  // What transformers.js does not know it takes for a plain one.
  if (processor.constructor.name === "ImageProcessor") {
    const { image_processor_type: type } = content as Record<string, unknown>;
    throw new ModelLoadError(
      `preprocessor_config.json: image_processor_type: received ${JSON.stringify(type)}, which is not known`,
    );
  }
  return async (pixels, options) =>
    (await processor(new PillowImage(pixels), options)) as ProcessorOutput;
}

/** An image of transformers.js that is resized as Pillow does; its own way is not antialiased. */
class PillowImage extends RawImage {
  constructor({ data, width, height }: RgbPixels) {
    super(data as Uint8ClampedArray, width, height, 3);
  }

  override async resize(
    width: number,
    height: number,
    { resample: filter = 2 }: { resample?: string | number } = {},
  ): Promise<RawImage> {
    const name = RESAMPLING_FILTERS.find((one, number) => one === filter || number === filter);
    if (this.channels !== 3 || name === undefined || !(width >= 1) || !(height >= 1)) {
      throw new Error(
        `cannot resize ${this.channels} channels to ${width} x ${height} pixels by filter ${filter}`,
      );
    }
    const pixels = this as unknown as RgbPixels;
    return new PillowImage(await resample(pixels, Math.trunc(width), Math.trunc(height), name));
  }
}
