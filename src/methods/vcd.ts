import type { ImageVariant } from "../engine/image-variant.js";
import type { Method, MethodRun } from "../engine/method.js";
import { InvalidArgumentError } from "../errors.js";
import { diffuse, noiseLevel } from "../math/diffusion-noise.js";
import { checkOptions } from "./check-options.js";
import { applyPlausibility, checkBeta } from "./plausibility.js";

/** Options of {@link vcd}. */
export interface VcdOptions {
  /** Strength of the contrast, at least 0. Default 1. */
  readonly alpha?: number;
  /** Share of the best token's probability that a token needs, in [0, 1]. Default 0.1. */
  readonly beta?: number;
  /** Diffusion step t of the distorted image, an integer from 0 to 999. Default 500. */
  readonly noiseStep?: number;
}

/**
 * Visual contrastive decoding: prefers what the image supports over what the model would say of a noisy image.
 * Two streams: the image v and its diffused copy v', one draw of noise for the whole answer.
 *
 *     scores = (1 + alpha) l(v) - alpha l(v'),  kept where l(v)[y] >= ln(beta) + max l(v)
 *
 * @throws InvalidArgumentError for an unknown option or a value out of range
 * @see Leng et al. 2024 (arXiv 2311.16922), equations 3 and 4
 */
export function vcd(options: VcdOptions = {}): Method {
  checkOptions("vcd", options, ["alpha", "beta", "noiseStep"]);
  const { alpha = 1, beta = 0.1, noiseStep = 500 } = options;
  if (!(Number.isFinite(alpha) && alpha >= 0)) {
    throw new InvalidArgumentError(`alpha: received ${alpha}; expected a number of at least 0`);
  }
  checkBeta(beta);
  noiseLevel(noiseStep);
  return {
    name: "vcd",
    settings: { alpha, beta, noiseStep },
    needs: ["image"],
    start: (run) => ({
      streams: [
        { prompt: run.prompt, image: run.image },
        { prompt: run.prompt, image: diffused(run, noiseStep) },
      ],
      scores: ([clear, distorted]) => contrast(clear!, distorted!, alpha, beta),
    }),
  };
}

/**
 * The contrast of two streams with its plausibility mask.
 *
 * @param clear l(v) (V), not modified
 * @param distorted l(v') (V), overwritten
 * @returns (1 + alpha) l(v) - alpha l(v') (V), -Infinity where implausible; the array `distorted`
 */
export function contrast(
  clear: Float32Array,
  distorted: Float32Array,
  alpha: number,
  beta: number,
): Float32Array {
  const scores = distorted;
  for (let i = 0; i < scores.length; i++) scores[i] = (1 + alpha) * clear[i]! - alpha * scores[i]!;
  applyPlausibility(clear, beta, scores);
  return scores;
}

/** x_t of the run's image, with noise fixed by the run's seed and image. */
function diffused(run: MethodRun, step: number): ImageVariant | undefined {
  const { image } = run;
  if (image === undefined) return undefined;
  return {
    key: `${image.key}, diffused to step ${step} with seed ${run.seed}`,
    features: (pixels, encode) =>
      image.features(
        { dims: pixels.dims, data: diffuse(pixels.data, step, run.random("vcd noise")) },
        encode,
      ),
  };
}
