import type { Picture } from "../../engine/image-variant.js";

/**
 * A picture blurred by a Gaussian, exactly: the kernel is cut at a radius, edges are mirrored without repeating the edge.
 *
 * @param sigma standard deviation in pixels, above 0
 * @param radius half width of the kernel in pixels, at least 1; the work grows with it
 * @returns new, of the same size
 */
export function gaussianBlur(picture: Picture, sigma: number, radius: number): Picture {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return separable(picture, (line) =>
    Float32Array.from(line, (_, i) => {
      let value = 0;
      for (let k = -radius; k <= radius; k++) {
        value += weights[k + radius]! * line[mirrored(i + k, line.length)]!;
      }
      return value / sum;
    }),
  );
}

/** Standard deviation in pixels up to which a Gaussian is computed as it is. */
const EXACT = 8;

/**
 * A picture blurred by a Gaussian of any width: above 8 pixels nearly, by three running means, whose time does not grow.
 *
 * @param sigma standard deviation in pixels, at least 0
 * @returns of the same size; at 0 the picture itself
 */
export function softBlur(picture: Picture, sigma: number): Picture {
  if (sigma <= EXACT) {
    return sigma === 0 ? picture : gaussianBlur(picture, sigma, Math.ceil(3 * sigma));
  }
  const radius = Math.round((Math.sqrt(4 * sigma ** 2 + 1) - 1) / 2);
  return separable(picture, (line) => {
    let blurred = line;
    for (let pass = 0; pass < 3; pass++) blurred = runningMean(blurred, radius);
    return blurred;
  });
}

/** Means over 2 radius + 1 values, the line mirrored at its ends. */
function runningMean(line: Float32Array, radius: number): Float32Array {
  const at = (i: number): number => line[mirrored(i, line.length)]!;
  let sum = 0;
  for (let i = -radius; i <= radius; i++) sum += at(i);
  return line.map((_, i) => {
    const mean = sum / (2 * radius + 1);
    sum += at(i + radius + 1) - at(i - radius);
    return mean;
  });
}

/** An index beyond the ends, mirrored without repeating the end. */
function mirrored(index: number, length: number): number {
  if (index >= 0 && index < length) return index;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((index % period) + period) % period;
  return Math.min(within, period - within);
}

/** Every row, then every column of each channel, filtered; rounded at the end. */
function separable(picture: Picture, filter: (line: Float32Array) => Float32Array): Picture {
  const { width, height, channels } = picture;
  const values = Float32Array.from(picture.data);
  const along = (start: number, step: number, length: number) => {
    const line = new Float32Array(length);
    for (let i = 0; i < length; i++) line[i] = values[start + i * step]!;
    const filtered = filter(line);
    for (let i = 0; i < length; i++) values[start + i * step] = filtered[i]!;
  };
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) along(y * width * channels + c, channels, width);
    for (let x = 0; x < width; x++) along(x * channels + c, width * channels, height);
  }
  return { width, height, channels, data: Uint8Array.from(values, Math.round) };
}
