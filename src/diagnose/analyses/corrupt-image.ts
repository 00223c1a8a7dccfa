import sharp, { type Sharp } from "sharp";
import { decodeImage, type Pixels, type SeededRandom } from "../../index.js";

/** Ways in which an image is spoilt. */
export type Corruption = "blur" | "jpeg" | "noise" | "contrast" | "resolution";

/** The width for which the authors chose how far they blur. */
const BLUR_WIDTH = 224;

/** How far, by severity. */
const SEVERITIES: Readonly<Record<Corruption, readonly number[]>> = {
  /** Sigma of the Gaussian, in pixels of an image 224 wide. */
  blur: [1, 2, 3, 4, 6],
  /** Quality. */
  jpeg: [25, 18, 15, 10, 7],
  /** Standard deviation of the noise; white is 1. */
  noise: [0.08, 0.12, 0.18, 0.26, 0.38],
  /** Share of the contrast that is left. */
  contrast: [0.4, 0.3, 0.2, 0.1, 0.05],
  /** Share of width and height that is left. */
  resolution: [0.6, 0.5, 0.4, 0.3, 0.25],
};

/** All of them. */
export const CORRUPTIONS: readonly Corruption[] = Object.keys(SEVERITIES) as Corruption[];

/**
 * An image, spoilt.
 *
 * @param severity from 1 to 5
 * @param random draws the noise
 * @see Hendrycks and Dietterich 2019 (arXiv 1903.12261), whose constants for ImageNet these are
 */
export async function corruptImage(
  path: string,
  corruption: Corruption,
  severity: number,
  random: SeededRandom,
): Promise<Pixels> {
  const image = await decodeImage(path);
  const { width, height, channels } = image;
  const raw = { raw: { width, height, channels } };
  const by = SEVERITIES[corruption][severity - 1]!;
  const pixels = sharp(image.data, raw);
  switch (corruption) {
    case "blur":
      return rgbOf(pixels.blur(Math.max(0.3, (by * width) / BLUR_WIDTH)));
    case "jpeg":
      return rgbOf(sharp(await pixels.jpeg({ quality: by }).toBuffer()));
    case "noise":
      return { ...image, data: noisy(image.data, 255 * by, random) };
    case "contrast":
      return { ...image, data: faded(image.data, channels, by) };
    case "resolution": {
      const small = {
        width: Math.max(1, Math.round(width * by)),
        height: Math.max(1, Math.round(height * by)),
      };
      const shrunk = await pixels
        .resize({ ...small, fit: "fill" })
        .png()
        .toBuffer();
      return rgbOf(sharp(shrunk).resize({ width, height, fit: "fill", kernel: "nearest" }));
    }
  }
}

async function rgbOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels as 1 | 3 };
}

function noisy(data: Pixels["data"], deviation: number, random: SeededRandom): Uint8ClampedArray {
  return Uint8ClampedArray.from(data, (value) => value + deviation * random.gaussian());
}

/** Each channel drawn towards its mean. */
function faded(data: Pixels["data"], channels: number, share: number): Uint8ClampedArray {
  const means = new Float64Array(channels);
  data.forEach((value, i) => {
    means[i % channels]! += (value * channels) / data.length;
  });
  return Uint8ClampedArray.from(data, (value, i) => {
    const mean = means[i % channels]!;
    return mean + share * (value - mean);
  });
}
