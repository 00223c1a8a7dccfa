import type { TensorData } from "../../engine/tensor-data.js";
import type { RgbPixels } from "../../families/family.js";
import type { Size } from "./image-settings.js";
import { cropped, normalise } from "./process-image.js";
import { resample } from "./resample.js";
import type { TileSettings } from "./tile-settings.js";

/** An image in tiles: those of its rows and columns, then the whole image as one more; that alone where it is not cut. */
export interface TiledImage {
  /** (1, tiles, 3, height, width) */
  readonly pixels: TensorData;
  /** 0 where it is not cut. */
  readonly rows: number;
  readonly columns: number;
}

/** Longest edge that an image is enlarged to, whatever the settings say. */
const LONGEST = 4096;

/** What the image processors of Idefics3 and SmolVLM in Python make of one image, to the bit. */
export async function tileImage(image: RgbPixels, settings: TileSettings): Promise<TiledImage> {
  const { longestEdge, tile, splits, filter } = settings;
  const to = (pixels: RgbPixels, { width, height }: Size) =>
    resample(pixels, width, height, filter);
  const resized = longestEdge === null ? image : await to(image, withinEdge(image, longestEdge));
  const square = { width: tile, height: tile };
  if (!splits) return stacked([await to(resized, square)], settings, 0, 0);
  const whole = await to(resized, inWholeTiles(resized, tile));
  const [rows, columns] = [whole.height / tile, whole.width / tile];
  if (rows === 1 && columns === 1) return stacked([whole], settings, 0, 0);
  const tiles = Array.from({ length: rows * columns }, (_, i) =>
    cropped(whole, (i % columns) * tile, Math.floor(i / columns) * tile, square),
  );
  return stacked([...tiles, await to(whole, square)], settings, rows, columns);
}

/** The longer edge becomes the one given; the shorter follows, rounded up to an even number. */
function withinEdge({ width, height }: Size, edge: number): Size {
  const ratio = width / height;
  const even = (length: number) => Math.max(length + (length % 2), 1);
  const size =
    width >= height
      ? { width: edge, height: even(Math.trunc(edge / ratio)) }
      : { width: even(Math.trunc(edge * ratio)), height: edge };
  return notBeyond(size);
}

function notBeyond({ width, height }: Size): Size {
  const ratio = width / height;
  if (width >= height && width > LONGEST) {
    return { width: LONGEST, height: Math.max(Math.trunc(LONGEST / ratio), 1) };
  }
  if (height > width && height > LONGEST) {
    return { width: Math.max(Math.trunc(LONGEST * ratio), 1), height: LONGEST };
  }
  return { width, height };
}

/** The longer edge is rounded up to whole tiles, then the shorter one that goes with it. */
function inWholeTiles({ width, height }: Size, tile: number): Size {
  const ratio = width / height;
  const up = (length: number) => Math.ceil(length / tile) * tile;
  if (width >= height) return { width: up(width), height: up(Math.trunc(up(width) / ratio)) };
  return { width: up(Math.trunc(up(height) * ratio)), height: up(height) };
}

function stacked(
  tiles: readonly RgbPixels[],
  settings: TileSettings,
  rows: number,
  columns: number,
): TiledImage {
  const values = tiles.map((one) => normalise(one, settings));
  const [, ...dims] = values[0]!.dims;
  const data = new Float32Array(values.reduce((sum, one) => sum + one.data.length, 0));
  values.forEach((one, i) => {
    data.set(one.data, i * one.data.length);
  });
  return { pixels: { data, dims: [1, tiles.length, ...dims] }, rows, columns };
}
