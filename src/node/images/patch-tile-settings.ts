import { z } from "zod";
import { ModelLoadError } from "../../errors.js";
import { type ImageSettings, INERT, LENGTH, LEVELS, perChannel } from "./image-settings.js";
import { givenSettings, parseSettings, refuseUnknown } from "./parse-settings.js";
import { RESAMPLING_FILTERS, type ResamplingFilter } from "./resample.js";

/** What an image processor does that makes patches of images, and cuts large ones into tiles. */
export interface PatchTileSettings {
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Patches along each side of a square that becomes one token. */
  readonly factor: number;
  /** Tokens of an image that is not cut, and of the whole image behind its tiles. */
  readonly tokens: { readonly least: number; readonly most: number };
  /** How large images are cut; null where they are not. */
  readonly tiles: {
    /** Side in pixels. */
    readonly side: number;
    readonly least: number;
    readonly most: number;
    /** Whether the whole image stands behind its tiles. */
    readonly withWhole: boolean;
  } | null;
  /** Area of a large image, in those of the largest that is not. */
  readonly tolerance: number;
  readonly filter: ResamplingFilter;
  readonly normalisation: Normalisation;
}

/** What is done to grey levels. */
type Normalisation = Pick<ImageSettings, "factor" | "mean" | "deviation">;

const TYPES = /^Lfm2VlImageProcessor(Fast)?$/;

/** Fields that Python's processor does not look at, or that say nothing about the numbers of an image. */
export const INERT_OF_PATCH_TILES: readonly RegExp[] = [
  ...INERT,
  /^(do_resize|size|crop_size|max_num_patches|do_pad|return_row_col_info)$/,
];

const COUNT = z.int().min(1).max(65_536);
const SETTINGS = z.object({
  encoder_patch_size: LENGTH,
  downsample_factor: LENGTH,
  min_image_tokens: COUNT,
  max_image_tokens: COUNT,
  do_image_splitting: z.boolean(),
  tile_size: LENGTH,
  min_tiles: z.int().min(1).max(64),
  max_tiles: z.int().min(1).max(64),
  use_thumbnail: z.boolean(),
  max_pixels_tolerance: z.number().positive(),
  // Of the filters that torch has, those that it has for bytes.
  resample: z.union([z.literal(2), z.literal(3)]),
  ...LEVELS,
});

/** What the processor does where a file says nothing. */
const DEFAULTS = {
  encoder_patch_size: 16,
  downsample_factor: 2,
  min_image_tokens: 64,
  max_image_tokens: 256,
  do_image_splitting: true,
  tile_size: 512,
  min_tiles: 2,
  max_tiles: 10,
  use_thumbnail: true,
  max_pixels_tolerance: 2,
  resample: 2,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: 0.5,
  image_std: 0.5,
};

/**
 * The settings in the content of a preprocessor_config.json, where its processor is LFM2-VL's; undefined where not.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function patchTileSettings(
  content: Readonly<Record<string, unknown>>,
): PatchTileSettings | undefined {
  if (!TYPES.test(String(content.image_processor_type))) return undefined;
  const given = givenSettings(content);
  refuseUnknown(given, Object.keys(SETTINGS.shape), INERT_OF_PATCH_TILES);
  const data = parseSettings(SETTINGS, { ...DEFAULTS, ...given });
  if (data.min_tiles > data.max_tiles || data.min_image_tokens > data.max_image_tokens) {
    throw new ModelLoadError(
      `preprocessor_config.json: received ${data.min_tiles} to ${data.max_tiles} tiles and ${data.min_image_tokens} to ${data.max_image_tokens} tokens; expected the least (min_tiles, min_image_tokens) not above the most`,
    );
  }
  if (data.tile_size % (data.encoder_patch_size * data.downsample_factor) !== 0) {
    throw new ModelLoadError(
      `preprocessor_config.json: tile_size: received ${data.tile_size}; expected a multiple of ${data.encoder_patch_size * data.downsample_factor} (encoder_patch_size x downsample_factor)`,
    );
  }
  const isCut = data.do_image_splitting && data.max_tiles > 1;
  return {
    patch: data.encoder_patch_size,
    factor: data.downsample_factor,
    tokens: { least: data.min_image_tokens, most: data.max_image_tokens },
    tiles: isCut
      ? {
          side: data.tile_size,
          least: data.min_tiles,
          most: data.max_tiles,
          withWhole: data.use_thumbnail,
        }
      : null,
    tolerance: data.max_pixels_tolerance,
    filter: RESAMPLING_FILTERS[data.resample]!,
    normalisation: normalisationOf(data),
  };
}

/** As torch does it: mean and deviation are brought to the scale of grey levels, in 32 bits. */
function normalisationOf(data: z.infer<typeof SETTINGS>): Normalisation {
  const mean = perChannel(data.do_normalize ? data.image_mean : 0);
  const deviation = perChannel(data.do_normalize ? data.image_std : 1);
  if (!data.do_rescale) return { factor: 1, mean, deviation };
  if (!data.do_normalize) return { factor: Math.fround(data.rescale_factor), mean, deviation };
  const scale = Math.fround(1 / data.rescale_factor);
  const toLevels = (values: readonly number[]) => values.map((one) => Math.fround(one) * scale);
  return { factor: 1, mean: toLevels(mean), deviation: toLevels(deviation) };
}
