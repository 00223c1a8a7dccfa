import type { TensorData } from "../engine/tensor-data.js";
import { ShapeError } from "../errors.js";

/**
 * Cuts an image into square patches, row by row; a patch's numbers are (y, x, channel).
 *
 * @param pixels (1, C, H, W), not touched
 * @returns (patches, patchSize * patchSize * C)
 * @throws ShapeError when the pixels are not one image of whole patches
 */
export function toPixelPatches({ data, dims }: TensorData, patchSize: number): TensorData {
  const [images, channels = 0, height = 0, width = 0] = dims;
  if (dims.length !== 4 || images !== 1 || height % patchSize !== 0 || width % patchSize !== 0) {
    throw new ShapeError(
      `pixels: received (${dims.join(", ")}); expected (1, channels, height, width) in whole patches of ${patchSize}`,
    );
  }
  const columns = width / patchSize;
  const numbers = patchSize * patchSize * channels;
  const patches = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    const [row, down] = [Math.floor(y / patchSize), y % patchSize];
    for (let x = 0; x < width; x++) {
      const patch = row * columns + Math.floor(x / patchSize);
      const at = patch * numbers + (down * patchSize + (x % patchSize)) * channels;
      for (let c = 0; c < channels; c++) patches[at + c] = data[(c * height + y) * width + x]!;
    }
  }
  return { data: patches, dims: [(height / patchSize) * columns, numbers] };
}
