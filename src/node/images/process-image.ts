import { type PictureArea, WHOLE_PICTURE } from "../../engine/feature-grid.js";
import type { TensorData } from "../../engine/tensor-data.js";
import type { RgbPixels } from "../../families/family.js";
import type { ImageSettings, Size } from "./image-settings.js";
import { resample } from "./resample.js";

/**
 * What the plain image processors of Python make of an image: resized, cropped, rescaled, normalised.
 *
 * @returns pixel values (1, 3, height, width), to the bit those of numpy in 32 bits
 */
export async function processImage(image: RgbPixels, settings: ImageSettings): Promise<TensorData> {
  const { size, filter, crop } = settings;
  const { width, height } = size === null ? image : targetSize(image, size);
  const resized = await resample(image, width, height, filter);
  return normalise(crop === null ? resized : cropMiddle(resized, crop), settings);
}

/** What of an image {@link processImage} shows: all of it, or its middle. */
export function shownArea(image: Size, { size, crop }: ImageSettings): PictureArea {
  if (crop === null) return WHOLE_PICTURE;
  const { width, height } = size === null ? image : targetSize(image, size);
  const left = Math.floor((width - crop.width) / 2);
  const top = Math.floor((height - crop.height) / 2);
  return {
    left: left / width,
    top: top / height,
    right: (left + crop.width) / width,
    bottom: (top + crop.height) / height,
  };
}

/** The longer edge is cut down to whole pixels. */
function targetSize({ width, height }: Size, size: NonNullable<ImageSettings["size"]>): Size {
  if (!("shortestEdge" in size)) return size;
  const { shortestEdge } = size;
  return width <= height
    ? { width: shortestEdge, height: Math.trunc((shortestEdge * height) / width) }
    : { width: Math.trunc((shortestEdge * width) / height), height: shortestEdge };
}

function cropMiddle(image: RgbPixels, { width, height }: Size): RgbPixels {
  if (image.width === width && image.height === height) return image;
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return cropped(image, left, top, { width, height });
}

/** A part of an image, black where that reaches beyond it. */
export function cropped(
  image: RgbPixels,
  left: number,
  top: number,
  { width, height }: Size,
): RgbPixels {
  const start = Math.max(left, 0);
  const end = Math.min(left + width, image.width);
  const data = new Uint8Array(width * height * 3);
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height); y++) {
    const row = image.data.subarray((y * image.width + start) * 3, (y * image.width + end) * 3);
    data.set(row, ((y - top) * width + start - left) * 3);
  }
  return { data, width, height };
}

/** Pixel values (1, 3, height, width), to the bit those of numpy in 32 bits. */
export function normalise(
  { data, width, height }: RgbPixels,
  { factor, mean, deviation }: Pick<ImageSettings, "factor" | "mean" | "deviation">,
): TensorData {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const centre = Math.fround(mean[c]!);
    const spread = Math.fround(deviation[c]!);
    const levels = Float32Array.from({ length: 256 }, (_, level) =>
      Math.fround(Math.fround(Math.fround(level * factor) - centre) / spread),
    );
    for (let i = 0; i < plane; i++) values[c * plane + i] = levels[data[3 * i + c]!]!;
  }
  return { data: values, dims: [1, 3, height, width] };
}
