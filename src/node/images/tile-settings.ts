import { z } from "zod";
import { INERT, LENGTH, LEVELS, perChannel } from "./image-settings.js";
import { givenSettings, parseSettings, refuseUnknown } from "./parse-settings.js";
import { RESAMPLING_FILTERS, type ResamplingFilter } from "./resample.js";

/** What an image processor that cuts images into tiles does to pixels. */
export interface TileSettings {
  /** Length of the longer edge to resize to first; null to leave the image. */
  readonly longestEdge: number | null;
  /** Side of a tile in pixels. */
  readonly tile: number;
  /** Whether images are cut, or made into one tile. */
  readonly splits: boolean;
  readonly filter: ResamplingFilter;
  /** Factor of grey levels; 1 to leave them. */
  readonly factor: number;
  /** Of each channel; 0 and 1 to leave them. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

const TYPES = /^(Idefics3|SmolVLM)ImageProcessor(Fast|Pil)?$/;

/** Fields that say nothing about the numbers of an image that stands alone: padding comes with a batch, sampling with videos. */
export const INERT_OF_TILES: readonly RegExp[] = [
  ...INERT,
  /^(do_pad|return_row_col_info|video_sampling)$/,
];

const EDGE = z.strictObject({ longest_edge: LENGTH });
const SETTINGS = z.object({
  do_resize: z.boolean(),
  size: EDGE,
  max_image_size: EDGE,
  do_image_splitting: z.boolean(),
  resample: z
    .int()
    .min(0)
    .max(RESAMPLING_FILTERS.length - 1),
  ...LEVELS,
});

/** What the processors do where a file says nothing. */
const DEFAULTS = {
  do_resize: true,
  size: { longest_edge: 4 * 364 },
  max_image_size: { longest_edge: 364 },
  do_image_splitting: true,
  resample: 1,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: 0.5,
  image_std: 0.5,
};

/**
 * The settings in the content of a preprocessor_config.json, where its processor makes tiles; undefined where not.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function tileSettings(content: Readonly<Record<string, unknown>>): TileSettings | undefined {
  if (!TYPES.test(String(content.image_processor_type))) return undefined;
  const given = givenSettings(content);
  refuseUnknown(given, Object.keys(SETTINGS.shape), INERT_OF_TILES);
  const data = parseSettings(SETTINGS, { ...DEFAULTS, ...given });
  return {
    longestEdge: data.do_resize ? data.size.longest_edge : null,
    tile: data.max_image_size.longest_edge,
    splits: data.do_image_splitting,
    filter: RESAMPLING_FILTERS[data.resample]!,
    factor: data.do_rescale ? data.rescale_factor : 1,
    mean: perChannel(data.do_normalize ? data.image_mean : 0),
    deviation: perChannel(data.do_normalize ? data.image_std : 1),
  };
}
