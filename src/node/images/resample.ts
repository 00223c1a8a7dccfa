import { setImmediate as letOthersRun } from "node:timers/promises";
import type { RgbPixels } from "../../families/family.js";

/** How pixels between pixels are weighed: Pillow's names, in the order of its numbers. */
export const RESAMPLING_FILTERS = [
  "nearest",
  "lanczos",
  "bilinear",
  "bicubic",
  "box",
  "hamming",
] as const;

export type ResamplingFilter = (typeof RESAMPLING_FILTERS)[number];

interface Kernel {
  /** Half its width, in pixels of the smaller image. */
  readonly support: number;
  weight(distance: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const KERNELS: Readonly<Record<Exclude<ResamplingFilter, "nearest">, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  },
  bicubic: { support: 2, weight: (x) => bicubic(Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -0.5. */
function bicubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Whose fixed point: Pillow's weights have 22 fractional bits; those that torch has for bytes are of 16 bits, with as many
 * fractional ones as the largest of a direction has room for.
 */
export type WeightsOf = "pillow" | "torch";

const PILLOW_BITS = 22;
const TORCH_RANGE = 2 ** 15;

/** Milliseconds after which a long resampling lets other work run. */
const SLICE_MS = 20;

/**
 * Resizes an image as Pillow does (`Image.resize`), to the same bytes: separable, antialiased when it shrinks, weights in
 * fixed point, rounded to 8 bits after each direction. Image processors in Python resize by it; what other libraries call
 * by the same names differs from it by up to tens of grey levels.
 *
 * @param filter "nearest" is not antialiased
 * @param weightsOf "torch" gives the bytes of torchvision's antialiased resizing on a CPU, bilinear and bicubic: they differ
 * from Pillow's by a grey level here and there
 * @returns new pixels; the image itself when it has that size already
 */
export async function resample(
  image: RgbPixels,
  width: number,
  height: number,
  filter: ResamplingFilter,
  weightsOf: WeightsOf = "pillow",
): Promise<RgbPixels> {
  if (image.width === width && image.height === height) return image;
  if (filter === "nearest") return nearest(image, width, height);
  const kernel = KERNELS[filter];
  const plan = (from: number, to: number) => planOf(from, to, kernel, weightsOf);
  const narrowed =
    image.width === width ? image : await resampleRows(image, width, plan(image.width, width));
  return narrowed.height === height
    ? narrowed
    : resampleColumns(narrowed, height, plan(narrowed.height, height));
}

function nearest({ data, width: from, height: rows }: RgbPixels, width: number, height: number) {
  const columns = nearestPlaces(from, width);
  const lines = nearestPlaces(rows, height);
  const resized = new Uint8Array(width * height * 3);
  let at = 0;
  for (const line of lines) {
    for (const column of columns) {
      const pixel = (line * from + column) * 3;
      for (let c = 0; c < 3; c++) resized[at++] = data[pixel + c]!;
    }
  }
  return { data: resized, width, height };
}

/** Places are summed up, as Pillow does, so that they round alike. */
function nearestPlaces(from: number, to: number): Int32Array {
  const scale = from / to;
  let place = scale * 0.5;
  return Int32Array.from({ length: to }, () => {
    const floor = Math.min(Math.floor(place), from - 1);
    place += scale;
    return floor;
  });
}

/** The pixels that make one pixel, and their weights in fixed point. */
interface Window {
  readonly start: number;
  readonly weights: Int32Array;
}

/** What makes each pixel of one direction. */
interface Plan {
  /** Fractional bits of the weights. */
  readonly bits: number;
  readonly windows: readonly Window[];
}

function planOf(from: number, to: number, kernel: Kernel, weightsOf: WeightsOf): Plan {
  const shares = sharesOf(from, to, kernel);
  const bits = weightsOf === "pillow" ? PILLOW_BITS : torchBits(shares);
  const windows = shares.map(({ start, weights }) => ({
    start,
    weights: Int32Array.from(weights, (share) => {
      const scaled = share * 2 ** bits;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }),
  }));
  return { bits, windows };
}

/** The most bits, up to Pillow's, with which no weight leaves the range. */
function torchBits(shares: readonly { readonly weights: readonly number[] }[]): number {
  const largest = shares.reduce((most, { weights }) => Math.max(most, ...weights), 0);
  let bits = 0;
  while (bits < PILLOW_BITS && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < TORCH_RANGE) bits++;
  return bits;
}

/** Each pixel's window, with weights that sum up to 1. */
function sharesOf(from: number, to: number, { support, weight }: Kernel) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const weights = Array.from({ length: end - start }, (_, x) =>
      weight((x + start - centre + 0.5) * (1 / stretch)),
    );
    const sum = weights.reduce((total, one) => total + one, 0);
    return { start, weights: sum === 0 ? weights : weights.map((one) => one / sum) };
  });
}

/** The first direction: each row becomes `width` pixels wide. */
async function resampleRows(
  { data, width: from, height }: RgbPixels,
  width: number,
  { bits, windows }: Plan,
): Promise<RgbPixels> {
  const resized = new Uint8ClampedArray(width * height * 3);
  const half = 2 ** (bits - 1);
  const pause = pauses();
  for (let y = 0; y < height; y++) {
    let at = y * width * 3;
    for (const { start, weights } of windows) {
      let pixel = (y * from + start) * 3;
      let red = half;
      let green = red;
      let blue = red;
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k]!;
        red += data[pixel++]! * weight;
        green += data[pixel++]! * weight;
        blue += data[pixel++]! * weight;
      }
      resized[at++] = red >> bits;
      resized[at++] = green >> bits;
      resized[at++] = blue >> bits;
    }
    await pause();
  }
  return { data: resized, width, height };
}

/** The second direction: each column becomes `height` pixels high. */
async function resampleColumns(
  { data, width }: RgbPixels,
  height: number,
  { bits, windows }: Plan,
): Promise<RgbPixels> {
  const stride = width * 3;
  const resized = new Uint8ClampedArray(stride * height);
  const sums = new Int32Array(stride);
  const pause = pauses();
  for (const [y, { start, weights }] of windows.entries()) {
    sums.fill(2 ** (bits - 1));
    for (let k = 0; k < weights.length; k++) {
      const weight = weights[k]!;
      const row = (start + k) * stride;
      for (let x = 0; x < stride; x++) sums[x]! += data[row + x]! * weight;
    }
    for (let x = 0; x < stride; x++) resized[y * stride + x] = sums[x]! >> bits;
    await pause();
  }
  return { data: resized, width, height };
}

/** What lets other work run once a slice of time is used up. */
function pauses(): () => Promise<void> | undefined {
  let end = performance.now() + SLICE_MS;
  return () => {
    if (performance.now() < end) return undefined;
    end = Number.POSITIVE_INFINITY;
    return letOthersRun().then(() => {
      end = performance.now() + SLICE_MS;
    });
  };
}
