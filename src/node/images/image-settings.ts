import { z } from "zod";
import { ModelLoadError } from "../../errors.js";
import { givenSettings, parseSettings, refuseUnknown } from "./parse-settings.js";
import { RESAMPLING_FILTERS, type ResamplingFilter } from "./resample.js";

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a plain image processor does to pixels, in this order. */
export interface ImageSettings {
  /** The size to resize to: exactly, or that of the shorter edge; null to leave it. */
  readonly size: Size | { readonly shortestEdge: number } | null;
  readonly filter: ResamplingFilter;
  /** The middle to cut out, black where the image is smaller; null to leave it. */
  readonly crop: Size | null;
  /** Factor of grey levels; 1 to leave them. */
  readonly factor: number;
  /** Of each channel; 0 and 1 to leave them. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

const CLIP = {
  size: { shortest_edge: 224 } as unknown,
  resample: 3,
  do_center_crop: true,
  crop_size: 224 as unknown,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};
const HALF = [0.5, 0.5, 0.5];
const SIGLIP = {
  size: { width: 224, height: 224 } as unknown,
  resample: 3,
  do_center_crop: false,
  crop_size: undefined as unknown,
  image_mean: HALF,
  image_std: HALF,
};

const ONE_TILE = {
  ...SIGLIP,
  size: { width: 384, height: 384 } as unknown,
  image_mean: CLIP.image_mean,
  image_std: CLIP.image_std,
};

/** Processors that resize, crop and normalise, nothing else; with what they do where a file says nothing. */
const PLAIN = {
  CLIPImageProcessor: CLIP,
  CLIPFeatureExtractor: CLIP,
  LlavaImageProcessor: CLIP,
  LlavaOnevisionImageProcessor: ONE_TILE,
  SiglipImageProcessor: SIGLIP,
  Gemma3ImageProcessor: { ...SIGLIP, resample: 2 },
  ViTImageProcessor: { ...SIGLIP, resample: 2 },
  ViTFeatureExtractor: { ...SIGLIP, resample: 2 },
};

/** Fields that say nothing about numbers. */
export const INERT: readonly RegExp[] = [
  /^_/,
  /^(image_processor_type|feature_extractor_type|processor_class|auto_map|model_input_names)$/,
  /^(do_convert_rgb|data_format|input_data_format|return_tensors|device|disable_grouping)$/,
  /^(default_to_square|patch_size|image_seq_length|image_seq_len|num_additional_image_tokens)$/,
  /^pan_and_scan_/, // of do_pan_and_scan, which is refused where it is on
  /^(vision_feature_select_strategy|transformers_version|name_or_path|pad_size)$/,
];

/** LLaVA-OneVision's graphs take an image as one tile: its settings for several change nothing. */
export const INERT_OF_ONE_TILE: readonly RegExp[] = [...INERT, /^(image_grid_pinpoints|do_pad)$/];

export const LENGTH: z.ZodInt = z.int().min(1).max(16_384);
const EDGES = z.strictObject({ width: LENGTH, height: LENGTH });
const SHORTEST = z.strictObject({ shortest_edge: LENGTH });
const NUMBERS: z.ZodType<number | number[]> = z.union([z.number(), z.array(z.number()).length(3)]);

/** {@link NUMBERS} that pixels are divided by. */
const DEVIATIONS: z.ZodType<number | number[]> = NUMBERS.refine(
  (std) => [std].flat().every((one) => one > 0),
  "expected more than 0",
);

/** Fields of what is done to grey levels. */
export const LEVELS: {
  do_rescale: z.ZodBoolean;
  rescale_factor: z.ZodNumber;
  do_normalize: z.ZodBoolean;
  image_mean: typeof NUMBERS;
  image_std: typeof DEVIATIONS;
} = {
  do_rescale: z.boolean(),
  rescale_factor: z.number().positive(),
  do_normalize: z.boolean(),
  image_mean: NUMBERS,
  image_std: DEVIATIONS,
};

const SETTINGS = z.object({
  do_resize: z.boolean(),
  size: z.union([LENGTH, EDGES, SHORTEST]).optional(),
  resample: z
    .int()
    .min(0)
    .max(RESAMPLING_FILTERS.length - 1),
  do_center_crop: z.boolean(),
  crop_size: z.union([LENGTH, EDGES]).optional(),
  ...LEVELS,
});

/**
 * The settings in the content of a preprocessor_config.json, where its processor is a plain one; undefined where not.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function imageSettings(
  content: Readonly<Record<string, unknown>>,
): ImageSettings | undefined {
  const type = content.image_processor_type ?? content.feature_extractor_type;
  const name = String(type ?? "CLIPImageProcessor").replace(/Fast$/, "");
  if (!Object.hasOwn(PLAIN, name)) return undefined;
  const defaults = PLAIN[name as keyof typeof PLAIN];
  const inert = defaults === ONE_TILE ? INERT_OF_ONE_TILE : INERT;
  const given = givenSettings(content);
  refuseUnknown(given, Object.keys(SETTINGS.shape), inert);
  const data = parseSettings(SETTINGS, {
    do_resize: true,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    ...defaults,
    ...given,
  });
  const isClip = defaults === CLIP;
  return {
    size: data.do_resize ? resizing(data.size!, isClip) : null,
    filter: RESAMPLING_FILTERS[data.resample]!,
    crop: data.do_center_crop ? square(data.crop_size ?? missing("crop_size")) : null,
    factor: data.do_rescale ? data.rescale_factor : 1,
    mean: data.do_normalize ? perChannel(data.image_mean) : [0, 0, 0],
    deviation: data.do_normalize ? perChannel(data.image_std) : [1, 1, 1],
  };
}

/** A number alone is the shorter edge for CLIP, a square for the others. */
function resizing(size: number | Size | z.infer<typeof SHORTEST>, isClip: boolean) {
  if (typeof size !== "number" && "shortest_edge" in size) {
    return { shortestEdge: size.shortest_edge };
  }
  return isClip && typeof size === "number" ? { shortestEdge: size } : square(size);
}

function square(size: number | Size): Size {
  return typeof size === "number" ? { width: size, height: size } : size;
}

/** A number for each channel. */
export function perChannel(values: number | readonly number[]): readonly number[] {
  return typeof values === "number" ? [values, values, values] : values;
}

function missing(field: string): never {
  throw new ModelLoadError(`preprocessor_config.json: expected ${field}; found none`);
}
