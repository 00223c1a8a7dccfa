import type { TensorData } from "../engine/tensor-data.js";
import { ShapeError } from "../errors.js";

/** How a vision tower for images of any size cuts them. */
export interface PatchGeometry {
  /** Side of a square patch in pixels. */
  readonly patchSize: number;
  /** Patches along each side of a square that becomes one token. */
  readonly mergeSize: number;
  /** Frames that a patch spans; an image is as many equal ones. */
  readonly frames: number;
}

/** Patches of an image along both sides. */
export interface PatchGrid {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Cuts an image into patches: squares of `mergeSize` by `mergeSize` patches one behind the other, row by row, and within
 * them patches row by row; a patch's numbers are (channel, frame, y, x).
 *
 * @param pixels (1, C, H, W), not touched
 * @returns (patches, C * frames * patchSize * patchSize)
 * @throws ShapeError when the pixels are not one image of whole squares
 */
export function toPatches(pixels: TensorData, geometry: PatchGeometry): TensorData {
  const [images, channels = 0, height = 0, width = 0] = pixels.dims;
  const side = geometry.patchSize * geometry.mergeSize;
  if (pixels.dims.length !== 4 || images !== 1 || height % side !== 0 || width % side !== 0) {
    throw new ShapeError(
      `pixels: received (${pixels.dims.join(", ")}); expected (1, channels, height, width) in whole squares of ${side}`,
    );
  }
  const grid = { rows: height / geometry.patchSize, columns: width / geometry.patchSize };
  const data = new Float32Array(pixels.data.length * geometry.frames);
  eachRun(grid, channels, geometry, (inPatches, inImage, length) => {
    data.set(pixels.data.subarray(inImage, inImage + length), inPatches);
  });
  return { data, dims: [grid.rows * grid.columns, data.length / (grid.rows * grid.columns)] };
}

/**
 * The image that patches were cut from: the inverse of {@link toPatches}. Of several frames the last one is taken.
 *
 * @param patches (patches, C * frames * patchSize * patchSize), not touched
 * @throws ShapeError when the patches are not those of the grid
 */
export function fromPatches(
  patches: TensorData,
  grid: PatchGrid,
  geometry: PatchGeometry,
): TensorData {
  const { patchSize, mergeSize, frames } = geometry;
  const [count, numbers = 0] = patches.dims;
  const channels = numbers / (frames * patchSize * patchSize);
  const isWhole = grid.rows % mergeSize === 0 && grid.columns % mergeSize === 0;
  if (count !== grid.rows * grid.columns || !Number.isInteger(channels) || !isWhole) {
    throw new ShapeError(
      `patches: received (${patches.dims.join(", ")}) for a grid of ${grid.rows} x ${grid.columns}; expected as many rows, each channels x ${frames} frames x ${patchSize} x ${patchSize}, and sides that are multiples of ${mergeSize}`,
    );
  }
  const data = new Float32Array(patches.data.length / frames);
  eachRun(grid, channels, geometry, (inPatches, inImage, length) => {
    data.set(patches.data.subarray(inPatches, inPatches + length), inImage);
  });
  return { data, dims: [1, channels, grid.rows * patchSize, grid.columns * patchSize] };
}

/** Tells for each row of pixels of each patch where it begins in the patches and in the image. */
function eachRun(
  { rows, columns }: PatchGrid,
  channels: number,
  { patchSize, mergeSize, frames }: PatchGeometry,
  visit: (inPatches: number, inImage: number, length: number) => void,
): void {
  const [height, width] = [rows * patchSize, columns * patchSize];
  let inPatches = 0;
  const patch = (top: number, left: number): void => {
    for (let channel = 0; channel < channels; channel++) {
      for (let frame = 0; frame < frames; frame++) {
        for (let y = top; y < top + patchSize; y++, inPatches += patchSize) {
          visit(inPatches, (channel * height + y) * width + left, patchSize);
        }
      }
    }
  };
  for (let row = 0; row < rows; row += mergeSize) {
    for (let column = 0; column < columns; column += mergeSize) {
      for (let i = 0; i < mergeSize * mergeSize; i++) {
        const down = row + Math.floor(i / mergeSize);
        patch(down * patchSize, (column + (i % mergeSize)) * patchSize);
      }
    }
  }
}
