import { importFailure, ModelLoadError } from "../../errors.js";
import type { ImageProcessor, ProcessorOutput, RgbPixels } from "../../families/family.js";
import { RESAMPLING_FILTERS, resample } from "./resample.js";

/** The package transformers.js, which is not there for everybody and is therefore handed in. */
export type Transformers = typeof import("@huggingface/transformers");

/**
 * transformers.js, loaded when it is needed: most checkpoints do without, and it is as large as the runtime.
 *
 * @param use what it is needed for, for the error
 * @throws UnsupportedCapabilityError with the command that installs it
 */
export async function transformersPackage(use: string): Promise<Transformers> {
  try {
    return await import("@huggingface/transformers");
  } catch (cause) {
    const version = "4.3.1";
    const flags = "--ignore-scripts";
    throw importFailure({ name: "@huggingface/transformers", version, use, flags }, cause);
  }
}

/**
 * The image processor that transformers.js has for a checkpoint, resizing as Pillow does.
 *
 * @param path the checkpoint's folder
 * @param type `image_processor_type` in its preprocessor_config.json
 * @throws ModelLoadError when there is none of this type
 */
export async function transformersProcessor(
  { AutoImageProcessor, RawImage }: Transformers,
  path: string,
  type: unknown,
): Promise<ImageProcessor> {
  const processor = await AutoImageProcessor.from_pretrained(path, { local_files_only: true });
  // What transformers.js does not know it takes for a plain one.
  if (processor.constructor.name === "ImageProcessor") {
    throw new ModelLoadError(
      `preprocessor_config.json: image_processor_type: received ${JSON.stringify(type)}, which is not known`,
    );
  }
  const PillowImage = pillowImage(RawImage);
  return async (pixels, options) =>
    (await processor(new PillowImage(pixels), options)) as ProcessorOutput;
}

/** Images of transformers.js that are resized as Pillow does; its own way is not antialiased. */
export function pillowImage(
  RawImage: Transformers["RawImage"],
): new (
  pixels: RgbPixels,
) => InstanceType<Transformers["RawImage"]> {
  return class PillowImage extends RawImage {
    constructor({ data, width, height }: RgbPixels) {
      super(data as Uint8ClampedArray, width, height, 3);
    }

    override async resize(
      width: number,
      height: number,
      { resample: filter = 2 }: { resample?: string | number } = {},
    ): Promise<PillowImage> {
      const name = RESAMPLING_FILTERS.find((one, number) => one === filter || number === filter);
      if (this.channels !== 3 || name === undefined || !(width >= 1) || !(height >= 1)) {
        throw new Error(
          `cannot resize ${this.channels} channels to ${width} x ${height} pixels by filter ${filter}`,
        );
      }
      const pixels = this as unknown as RgbPixels;
      return new PillowImage(await resample(pixels, Math.trunc(width), Math.trunc(height), name));
    }
  };
}
