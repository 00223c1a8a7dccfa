import { checkSettings, type SettingsSchema } from "../arguments/settings.js";
import type { ImageVariant } from "../engine/image-variant.js";
import type { Method, MethodRun } from "../engine/method.js";
import type { TensorData } from "../engine/tensor-data.js";
import { mapImages } from "../engine/view.js";
import { diffuse } from "../math/diffusion-noise.js";
import type { MethodEntry } from "./method-entry.js";
import { regular } from "./regular.js";

/** Options of {@link averaging}. */
export interface AveragingOptions {
  /** Number of noised copies k, from 1 to 256. Default 10. */
  readonly copies?: number;
  /** Diffusion step t of each copy, an integer from 0 to 999; light noise is meant. Default 200. */
  readonly noiseStep?: number;
  /** The method that decodes with the averaged features. Default `regular()`. */
  readonly method?: Method;
}

const SETTINGS = {
  copies: { type: "integer", min: 1, max: 256, default: 10, summary: "noised copies of the image" },
  noiseStep: {
    type: "integer",
    min: 0,
    max: 999,
    default: 200,
    called: "noise step",
    summary: "diffusion step of each copy, 0 to 999",
  },
  method: { type: "method", default: null, summary: "the method that decodes" },
} as const satisfies SettingsSchema;

/**
 * Decodes with image features averaged over noised copies of the image, which are steadier than those of one image:
 * the costly baseline that a steering direction replaces.
 *
 *     features = (1 / k) sum_i encode(x_t^(i)),  x_t^(i) the image diffused to step t with the i-th draw of noise
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Liu et al. 2025 (arXiv 2410.15778), section 3.2
 */
export function averaging(options: AveragingOptions = {}): Method {
  const { copies, noiseStep } = checkSettings("averaging", SETTINGS, options);
  const { method = regular() } = options;
  const inner = { name: method.name, settings: method.settings };
  return {
    name: "averaging",
    settings: { copies, noiseStep, method: inner },
    needs: { ...method.needs, image: true },
    seeded: true,
    ...(method.assets === undefined ? {} : { assets: method.assets }),
    start: (run) =>
      method.start({
        ...run,
        view: mapImages(run.view, (image, i) => averaged(image, i, run, copies, noiseStep)),
      }),
  };
}

function averaged(
  image: ImageVariant,
  index: number,
  run: MethodRun,
  copies: number,
  step: number,
): ImageVariant {
  return {
    ...image,
    key: `${image.key}, averaged over ${copies} copies diffused to step ${step} with seed ${run.seed}`,
    async features(pixels, encode) {
      const random = run.random("averaging noise", index);
      let sum: TensorData | undefined;
      for (let i = 0; i < copies; i++) {
        const noised = { dims: pixels.dims, data: diffuse(pixels.data, step, random) };
        const features = await image.features(noised, encode);
        if (sum === undefined) sum = { dims: features.dims, data: features.data.slice() };
        else for (let k = 0; k < sum.data.length; k++) sum.data[k]! += features.data[k]!;
      }
      const { dims, data } = sum!;
      return { dims, data: data.map((value) => value / copies) };
    },
  };
}

/** See {@link averaging}. */
export const AVERAGING: MethodEntry = {
  name: "averaging",
  summary: "image features averaged over lightly noised copies; may carry another method",
  paper: "Liu et al. 2025 (arXiv 2410.15778)",
  cost: "1 stream, an encoding of the image per copy",
  settings: SETTINGS,
  create: averaging,
};
