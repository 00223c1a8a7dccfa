import type { ImageVariant } from "../engine/image-variant.js";
import type { Method, MethodRun } from "../engine/method.js";
import type { TensorData } from "../engine/tensor-data.js";
import { InvalidArgumentError } from "../errors.js";
import { diffuse, noiseLevel } from "../math/diffusion-noise.js";
import { checkOptions } from "./check-options.js";
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
  checkOptions("averaging", options, ["copies", "noiseStep", "method"]);
  const { copies = 10, noiseStep = 200, method = regular() } = options;
  if (!(Number.isInteger(copies) && copies >= 1 && copies <= 256)) {
    throw new InvalidArgumentError(`copies: received ${copies}; expected an integer from 1 to 256`);
  }
  noiseLevel(noiseStep);
  const inner = { name: method.name, settings: method.settings };
  return {
    name: "averaging",
    settings: { copies, noiseStep, method: inner },
    needs: ["image"],
    start: (run) => {
      if (run.image === undefined) return method.start(run);
      return method.start({ ...run, image: averaged(run.image, run, copies, noiseStep) });
    },
  };
}

function averaged(image: ImageVariant, run: MethodRun, copies: number, step: number): ImageVariant {
  return {
    key: `${image.key}, averaged over ${copies} copies diffused to step ${step} with seed ${run.seed}`,
    async features(pixels, encode) {
      const random = run.random("averaging noise");
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
