import type { TensorData } from "../../engine/tensor-data.js";
import type { ImageProcessor, RgbPixels } from "../../families/family.js";
import { toPixelPatches } from "../../families/pixel-patches.js";
import { fittedSize, nearestMultiple } from "./fitted-size.js";
import type { Size } from "./image-settings.js";
import { type PatchTileSettings, patchTileSettings } from "./patch-tile-settings.js";
import { cropped, normalise } from "./process-image.js";
import { resample } from "./resample.js";

/** An image in patches: those of its tiles, row by row, then of the whole image; of that alone where it is not cut. */
interface PatchTiles {
  /** (pieces, most patches, side * side * 3): numbers of a patch are (y, x, channel); zeros behind a piece's own. */
  readonly pixel_values: TensorData;
  /** (pieces, most patches): 1 for a piece's own. */
  readonly pixel_attention_mask: TensorData<BigInt64Array>;
  /** (pieces, 2): rows and columns of patches. */
  readonly spatial_shapes: TensorData<BigInt64Array>;
  /** Rows and columns of tiles; 1 where the image is not cut. */
  readonly rows: number;
  readonly columns: number;
}

/** Tiles along both sides of an image. */
interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/**
 * The image processor of LFM2-VL where settings ask for it; undefined where not.
 *
 * @throws ModelLoadError naming a setting that is wrong, or that would change pixels in a way that is not known here
 */
export function patchTileProcessor(
  content: Readonly<Record<string, unknown>>,
): ImageProcessor | undefined {
  const settings = patchTileSettings(content);
  return settings && (async (image) => ({ ...(await patchTiles(image, settings)) }));
}

/**
 * What LFM2-VL's image processor in Python makes of one image, to the bit, on a CPU whose torch resizes bytes.
 *
 * @throws Error when the image is too oblong
 */
async function patchTiles(image: RgbPixels, settings: PatchTileSettings): Promise<PatchTiles> {
  const to = ({ width, height }: Size) => resample(image, width, height, settings.filter, "torch");
  const { isCut, grid, whole } = planTiles(image, settings);
  const wholePiece = () => to(notTooOblong(image, whole, settings));
  const { tiles } = settings;
  if (tiles === null || !isCut) {
    return stacked([await wholePiece()], grid, settings);
  }
  const square = { width: tiles.side, height: tiles.side };
  const cut = await to({ width: tiles.side * grid.columns, height: tiles.side * grid.rows });
  const pieces = Array.from({ length: grid.rows * grid.columns }, (_, i) => {
    const [row, column] = [Math.floor(i / grid.columns), i % grid.columns];
    return cropped(cut, column * tiles.side, row * tiles.side, square);
  });
  const hasWhole = tiles.withWhole && pieces.length > 1;
  return stacked(hasWhole ? [...pieces, await wholePiece()] : pieces, grid, settings);
}

/** Whether an image is cut, into which tiles, and the size of the whole image. */
export function planTiles(
  image: Size,
  settings: PatchTileSettings,
): { isCut: boolean; grid: Grid; whole: Size } {
  const side = settings.patch * settings.factor;
  const { tokens, tiles } = settings;
  const area = { least: areaOf(tokens.least, settings), most: areaOf(tokens.most, settings) };
  const isCut = tiles !== null && isLarge(image, settings);
  return {
    isCut,
    grid: isCut ? nearestGrid(image, tiles) : { rows: 1, columns: 1 },
    whole: fittedSize(image, side, area, side),
  };
}

/** Pixels of the largest image of so many tokens. */
function areaOf(tokens: number, { patch, factor }: PatchTileSettings): number {
  return tokens * (patch * factor) ** 2;
}

/** The most patches of a piece, which all pieces have room for. */
function mostPatches({ patch, factor, tokens, tiles }: PatchTileSettings): number {
  const inTile = tiles === null ? 0 : (tiles.side / patch) ** 2;
  return Math.max(tokens.most * factor ** 2, inTile);
}

/** Small oblong images become longer than large ones: there Python makes patches that its model has no room for. */
function notTooOblong(image: Size, resized: Size, settings: PatchTileSettings): Size {
  const patches = (resized.width * resized.height) / settings.patch ** 2;
  const most = mostPatches(settings);
  if (patches <= most) return resized;
  throw new Error(
    `it has ${image.width} x ${image.height} pixels, which become ${patches} patches; expected at most ${most}: crop it or give it a margin`,
  );
}

function isLarge({ width, height }: Size, settings: PatchTileSettings): boolean {
  const { patch, factor, tokens, tolerance } = settings;
  const rounded = (edge: number) => Math.max(patch, nearestMultiple(edge, patch * factor));
  return rounded(width) * rounded(height) > areaOf(tokens.most, settings) * tolerance;
}

/** The grid whose sides are to each other as the image's are; of grids equally near a larger one, if the image fills it. */
function nearestGrid(
  { width, height }: Size,
  { side, least, most }: NonNullable<PatchTileSettings["tiles"]>,
): Grid {
  const grids = Array.from({ length: most ** 2 }, (_, i) => ({
    columns: 1 + Math.floor(i / most),
    rows: 1 + (i % most),
  }))
    .filter(({ rows, columns }) => rows * columns >= least && rows * columns <= most)
    .sort((a, b) => a.rows * a.columns - b.rows * b.columns);
  const ratio = width / height;
  let best: Grid = { rows: 1, columns: 1 };
  let nearest = Number.POSITIVE_INFINITY;
  for (const grid of grids) {
    const { rows, columns } = grid;
    const distance = Math.abs(ratio - columns / rows);
    const isFilled = width * height > 0.5 * side * side * rows * columns;
    if (distance < nearest || (distance === nearest && isFilled)) best = grid;
    nearest = Math.min(nearest, distance);
  }
  return best;
}

function stacked(
  pieces: readonly RgbPixels[],
  grid: Grid,
  settings: PatchTileSettings,
): PatchTiles {
  const { patch, normalisation } = settings;
  const most = mostPatches(settings);
  const numbers = patch * patch * 3;
  const values = new Float32Array(pieces.length * most * numbers);
  const mask = new BigInt64Array(pieces.length * most);
  const shapes = pieces.map(({ width, height }) => [height / patch, width / patch] as const);
  pieces.forEach((piece, i) => {
    const [rows, columns] = shapes[i]!;
    values.set(toPixelPatches(normalise(piece, normalisation), patch).data, i * most * numbers);
    mask.fill(1n, i * most, i * most + rows * columns);
  });
  const count = pieces.length;
  return {
    pixel_values: { data: values, dims: [count, most, numbers] },
    pixel_attention_mask: { data: mask, dims: [count, most] },
    spatial_shapes: { data: BigInt64Array.from(shapes.flat(), BigInt), dims: [count, 2] },
    ...grid,
  };
}
