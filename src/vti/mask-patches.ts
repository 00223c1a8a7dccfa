import type { TensorData } from "../engine/tensor-data.js";
import { ShapeError } from "../errors.js";
import type { SeededRandom } from "../math/seeded-random.js";

/**
 * Copies of an image with random patches hidden: each is set to the image's mean, channel by channel.
 *
 * @param pixels (1, C, H, W), not modified
 * @param patchSize side of a patch in pixels
 * @param ratio share of patches that are hidden in each copy, in [0, 1]; rounded down to whole patches
 * @param copies number of copies n, each with draws of its own
 * @returns (n, C, H, W)
 * @throws ShapeError when the pixels are not one image of whole patches
 * @see Liu et al. 2025 (arXiv 2410.15778), section 4.1
 */
export function maskPatches(
  pixels: TensorData,
  patchSize: number,
  ratio: number,
  copies: number,
  random: SeededRandom,
): TensorData {
  const [rows, channels = 0, height = 0, width = 0] = pixels.dims;
  const [down, across] = [height / patchSize, width / patchSize];
  const isWhole = Number.isInteger(down) && Number.isInteger(across);
  if (pixels.dims.length !== 4 || rows !== 1 || !isWhole) {
    throw new ShapeError(
      `pixels: received (${pixels.dims.join(", ")}); expected (1, channels, height, width) in whole patches of ${patchSize}`,
    );
  }
  const size = pixels.data.length;
  const means = channelMeans(pixels.data, channels);
  const data = new Float32Array(copies * size);
  for (let copy = 0; copy < copies; copy++) {
    const masked = data.subarray(copy * size, (copy + 1) * size);
    masked.set(pixels.data);
    const patches = shuffled(down * across, random).slice(0, Math.floor(ratio * down * across));
    for (const patch of patches) {
      const top = Math.floor(patch / across) * patchSize;
      const left = (patch % across) * patchSize;
      means.forEach((mean, channel) => {
        for (let y = top; y < top + patchSize; y++) {
          const start = (channel * height + y) * width + left;
          masked.fill(mean, start, start + patchSize);
        }
      });
    }
  }
  return { data, dims: [copies, channels, height, width] };
}

function channelMeans(data: Float32Array, channels: number): number[] {
  const size = data.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const plane = data.subarray(channel * size, (channel + 1) * size);
    return plane.reduce((sum, value) => sum + value, 0) / size;
  });
}

/** The integers below n in random order (Fisher and Yates). */
export function shuffled(n: number, random: SeededRandom): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
