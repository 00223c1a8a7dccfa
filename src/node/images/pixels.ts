import type { Pixels } from "../../engine/conversation.js";
import { InvalidArgumentError } from "../../errors.js";
import type { RgbPixels } from "../../families/family.js";
import { greyToRgb } from "./decode.js";

/**
 * A copy of pixels that a user gave, as RGB; opacity is composed over white.
 *
 * @throws InvalidArgumentError when they are no pixels
 */
export function rgbOf(pixels: Pixels): RgbPixels {
  const { data, width, height, channels } = pixels ?? {};
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  const isSize = [width, height].every((side) => Number.isInteger(side) && side >= 1);
  const isChannels = [1, 3, 4].includes(channels);
  // Other arrays hold other numbers, such as 0 to 1, which bytes cannot.
  const isBytes = kind === "Uint8Array" || kind === "Uint8ClampedArray";
  if (!isSize || !isChannels || !isBytes || data.length !== width * height * channels) {
    const remedy = Object.prototype.toString.call(pixels) === "[object DataView]" ? OF_A_VIEW : "";
    throw new InvalidArgumentError(`image: received ${received(pixels)}; ${EXPECTED}${remedy}`);
  }
  const bytes = Uint8Array.from(data);
  const rgb = channels === 3 ? bytes : channels === 1 ? greyToRgb(bytes) : overWhite(bytes);
  return { data: rgb, width, height };
}

const EXPECTED =
  "expected a path, URL, file bytes (Uint8Array, ArrayBuffer), a Blob, or pixels: data (Uint8Array or Uint8ClampedArray, 0 to 255) with width * height * channels values, and 1, 3 or 4 channels";

const OF_A_VIEW =
  "; the bytes of a DataView are new Uint8Array(view.buffer, view.byteOffset, view.byteLength)";

function received(pixels: unknown): string {
  if (typeof pixels !== "object" || pixels === null) return String(typeof pixels);
  const kind = Object.prototype.toString.call(pixels).slice(8, -1);
  if (!("data" in pixels)) return `${kind} without data`;
  const { data, width, height, channels } = pixels as Record<string, unknown>;
  // Another object may throw when it is asked: a Proxy of an array of bytes does.
  const isArray = Array.isArray(data) || ArrayBuffer.isView(data);
  const length = (isArray ? (data as ArrayLike<unknown>).length : undefined) ?? "no";
  const type = Object.prototype.toString.call(data).slice(8, -1);
  return `${type} of ${length} values for ${shown(width)} x ${shown(height)} pixels of ${shown(channels)} channels`;
}

const shown = (value: unknown): string =>
  typeof value === "number" ? String(value) : `(${typeof value})`;

function overWhite(bytes: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((bytes.length / 4) * 3);
  for (let i = 0; i < bytes.length / 4; i++) {
    const opacity = bytes[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++)
      rgb[3 * i + c] = Math.round(bytes[4 * i + c]! * opacity + 255 * (1 - opacity));
  }
  return rgb;
}
