import { InvalidArgumentError } from "../errors.js";
import type { SeededRandom } from "./seeded-random.js";

/** Number of steps T of the forward diffusion. */
export const DIFFUSION_STEPS = 1000;

/** What one diffusion step leaves of the clean signal and adds of unit noise: x_t = signal x_0 + noise eps. */
export interface NoiseLevel {
  /** sqrt(abar_t), in (0, 1). */
  readonly signal: number;
  /** sqrt(1 - abar_t), in (0, 1). */
  readonly noise: number;
}

let levels: readonly NoiseLevel[] | undefined;

/**
 * Coefficients of step t of the forward diffusion used by visual contrastive decoding:
 * beta_s = sigmoid(linspace(-6, 6, T)) (0.5e-2 - 1e-5) + 1e-5, abar_t = prod_{s <= t} (1 - beta_s).
 *
 * @param step t, an integer from 0 to 999
 * @throws InvalidArgumentError when the step is out of range
 * @see Leng et al. 2024 (arXiv 2311.16922), equation 2
 */
export function noiseLevel(step: number): NoiseLevel {
  if (!Number.isInteger(step) || step < 0 || step >= DIFFUSION_STEPS) {
    throw new InvalidArgumentError(
      `noise step: received ${step}; expected an integer from 0 to ${DIFFUSION_STEPS - 1}`,
    );
  }
  levels ??= noiseLevels();
  return levels[step]!;
}

function noiseLevels(): NoiseLevel[] {
  let kept = 1;
  return Array.from({ length: DIFFUSION_STEPS }, (_, s) => {
    const x = -6 + (12 * s) / (DIFFUSION_STEPS - 1);
    const beta = (0.5e-2 - 1e-5) / (1 + Math.exp(-x)) + 1e-5;
    kept *= 1 - beta;
    return { signal: Math.sqrt(kept), noise: Math.sqrt(1 - kept) };
  });
}

/**
 * The distorted image x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, eps ~ N(0, I).
 *
 * @param pixels x_0, normalised pixel values of any shape, not modified
 * @param step t, an integer from 0 to 999
 * @param random source of eps; one draw per pixel value
 * @returns x_t, new
 * @throws InvalidArgumentError when the step is out of range
 */
export function diffuse(pixels: Float32Array, step: number, random: SeededRandom): Float32Array {
  const { signal, noise } = noiseLevel(step);
  const distorted = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++)
    distorted[i] = signal * pixels[i]! + noise * random.gaussian();
  return distorted;
}
