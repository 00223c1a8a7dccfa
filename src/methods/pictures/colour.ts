import type { Picture } from "../../engine/image-variant.js";

type Rgb = readonly [red: number, green: number, blue: number];

/** A picture that is brighter above 1, darker below, black at 0. */
export function brightness(picture: Picture, factor: number): Picture {
  return mapColours(picture, (rgb) => blend([0, 0, 0], rgb, factor));
}

/** A picture with more contrast above 1, less below, at 0 of its mean grey alone. */
export function contrastOf(picture: Picture, factor: number): Picture {
  let sum = 0;
  mapColours(picture, (rgb) => {
    sum += greyOf(rgb);
    return rgb;
  });
  const mean = Math.floor(sum / (picture.width * picture.height) + 0.5);
  return mapColours(picture, (rgb) => blend([mean, mean, mean], rgb, factor));
}

/** A picture with more colour above 1, less below, grey at 0. */
export function saturation(picture: Picture, factor: number): Picture {
  return mapColours(picture, (rgb) => {
    const grey = greyOf(rgb);
    return blend([grey, grey, grey], rgb, factor);
  });
}

/**
 * A picture with its hues turned.
 *
 * @param turn in whole turns of the circle of hues
 */
export function hue(picture: Picture, turn: number): Picture {
  return mapColours(picture, (rgb) => {
    const value = Math.max(...rgb);
    const chroma = value - Math.min(...rgb);
    if (chroma === 0) return rgb;
    const sixth = 6 * turn + hueOf(rgb, value, chroma);
    const channel = (offset: number) => {
      const k = (((offset + sixth) % 6) + 6) % 6;
      return Math.round(value - chroma * Math.max(0, Math.min(k, 4 - k, 1)));
    };
    return [channel(5), channel(3), channel(1)];
  });
}

/** Sixths of the circle of hues. */
function hueOf([red, green, blue]: Rgb, value: number, chroma: number): number {
  if (value === red) return (green - blue) / chroma;
  if (value === green) return 2 + (blue - red) / chroma;
  return 4 + (red - green) / chroma;
}

/** Luma of ITU-R BT.601, rounded as Pillow does. */
function greyOf([red, green, blue]: Rgb): number {
  return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
}

/** from + factor (to - from) in each channel, cut off to whole numbers from 0 to 255. */
function blend(from: Rgb, to: Rgb, factor: number): Rgb {
  const channel = (c: 0 | 1 | 2) =>
    Math.max(0, Math.min(255, Math.floor(from[c] + factor * (to[c] - from[c]))));
  return [channel(0), channel(1), channel(2)];
}

function mapColours(picture: Picture, change: (rgb: Rgb) => Rgb): Picture {
  const { data } = picture;
  const changed = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    changed.set(change([data[i]!, data[i + 1]!, data[i + 2]!]), i);
  }
  return { ...picture, data: changed };
}
