import type { TensorData } from "../../engine/tensor-data.js";
import type { ModelFamily, ProcessedImage } from "../../families/family.js";
import { type Finding, fault, passed } from "./examination.js";

const CLIP = [
  [0.48145466, 0.4578275, 0.40821073],
  [0.26862954, 0.26130258, 0.27577711],
] as const;
const HALF = [
  [0.5, 0.5, 0.5],
  [0.5, 0.5, 0.5],
] as const;

/** Means and deviations that checkpoints with a tower of this type (`vision_config.model_type`) are known to have. */
const NORMALISATIONS: Readonly<Record<string, readonly (typeof CLIP | typeof HALF)[]>> = {
  clip_vision_model: [CLIP, HALF],
  siglip_vision_model: [HALF],
  siglip2_vision_model: [HALF],
  idefics3: [HALF],
  idefics3_vision: [HALF],
  smolvlm_vision: [HALF],
  qwen2_vl: [CLIP],
  qwen2_5_vl: [CLIP],
  qwen3_vl: [HALF],
};

/** Towers that take images of one size, `vision_config.image_size`. */
const ONE_SIZE = /^(clip|siglip)_vision_model$/;

/** What the vision graph takes of pixels: families may turn them into patches, for example. */
export function graphInput(image: ProcessedImage): TensorData {
  const { toInput }: { toInput?: (pixels: TensorData) => TensorData } = image as object;
  return toInput?.(image.pixels) ?? image.pixels;
}

/** A checkpoint's files that tell how images are prepared. */
export interface ImageConfigs {
  /** config.json, preprocessor_config.json and processor_config.json, where it is there. */
  readonly config: unknown;
  readonly preprocessor: unknown;
  readonly processor: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Looks at what the processor makes of an image: its size, its range, and whether other files tell something else. */
export function examineImage(
  { pixels }: ProcessedImage,
  { facts }: ModelFamily,
  { config, preprocessor, processor }: ImageConfigs,
): Finding<true> {
  const vision = fieldsOf(fieldsOf(config).vision_config);
  const own = fieldsOf(preprocessor);
  const found =
    outOfRange(pixels.data) ??
    contradiction(own, fieldsOf(fieldsOf(processor).image_processor)) ??
    unusual(own, String(vision.model_type)) ??
    wrongSize(pixels.dims, vision, facts.patchSize);
  if (found !== undefined) return found;
  const { min, max } = rangeOf(pixels.data);
  return passed(
    `an image becomes ${pixels.dims.join(" x ")} values from ${min.toFixed(2)} to ${max.toFixed(2)}`,
  );
}

const SETTINGS =
  "take preprocessor_config.json from the repository that vision_encoder.onnx comes from";

/** Every tower takes values around 0 and 1; those of 0 to 255, or shifted far, come of wrong means, deviations or scales. */
function outOfRange(data: Float32Array): Finding<never> | undefined {
  const { min, max } = rangeOf(data);
  if (Number.isFinite(min + max) && min >= -5 && max <= 5) return undefined;
  return fault(
    `the image processor makes values from ${min.toPrecision(4)} to ${max.toPrecision(4)}; expected some within -5 and 5 (image_mean, image_std, rescale_factor and do_normalize of preprocessor_config.json)`,
    SETTINGS,
  );
}

/** processor_config.json of newer checkpoints repeats the settings. */
function contradiction(own: Fields, other: Fields): Finding<never> | undefined {
  for (const name of ["image_mean", "image_std", "rescale_factor", "size", "resample"]) {
    const [one, two] = [own[name], other[name]];
    if (one === undefined || two === undefined) continue;
    if (JSON.stringify(one) === JSON.stringify(two)) continue;
    return fault(
      `${name} is ${JSON.stringify(one)} in preprocessor_config.json and ${JSON.stringify(two)} in processor_config.json`,
      SETTINGS,
    );
  }
  return undefined;
}

function unusual(own: Fields, tower: string): Finding<never> | undefined {
  const known = Object.hasOwn(NORMALISATIONS, tower) ? NORMALISATIONS[tower]! : [];
  const { image_mean: mean, image_std: std, do_normalize: isOn } = own;
  if (known.length === 0 || !Array.isArray(mean) || !Array.isArray(std) || isOn === false) {
    return undefined;
  }
  const isKnown = known.some(([means, stds]) => isNear(mean, means) && isNear(std, stds));
  if (isKnown) return undefined;
  return fault(
    `preprocessor_config.json has image_mean ${JSON.stringify(mean)} and image_std ${JSON.stringify(std)}; checkpoints with a tower of type ${tower} have ${known.map((one) => one.map((values) => `[${values.join(", ")}]`).join(" and ")).join(", or ")}`,
    `${SETTINGS}; if this tower was trained with these values, nothing is wrong`,
  );
}

function isNear(values: readonly unknown[], known: readonly number[]): boolean {
  return known.every((value, i) => Math.abs(Number(values[i]) - value) < 0.01);
}

function wrongSize(
  dims: readonly number[],
  { model_type: type, image_size: size }: Fields,
  patchSize: number | undefined,
): Finding<never> | undefined {
  const [height, width] = dims.slice(-2) as [number, number];
  if (dims.length < 4) return undefined;
  if (ONE_SIZE.test(String(type)) && typeof size === "number") {
    if (height === size && width === size) return undefined;
    return fault(
      `the image processor makes images of ${width} x ${height} pixels; vision_config.image_size in config.json is ${size}`,
      `${SETTINGS}: size and crop_size are to be ${size}`,
    );
  }
  if (patchSize === undefined || (height % patchSize === 0 && width % patchSize === 0)) {
    return undefined;
  }
  return fault(
    `the image processor makes images of ${width} x ${height} pixels, which are no multiples of the tower's patches of ${patchSize}`,
    SETTINGS,
  );
}

function rangeOf(data: Float32Array): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (Number.isNaN(value)) return { min: value, max: value };
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** The fields of a JSON object; none of anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
