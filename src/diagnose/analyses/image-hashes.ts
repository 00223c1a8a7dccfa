import { createHash } from "node:crypto";
import { decodeImage } from "../../index.js";

const COLUMNS = 9;
const ROWS = 8;

/** What an image is told from others by. */
export interface ImageHashes {
  readonly width: number;
  readonly height: number;
  /** SHA-256 of size and pixels. */
  readonly content: string;
  /** 64 bits: of cells in 8 rows of 9, whether each is brighter than the one on its left. */
  readonly look: readonly [number, number];
}

/**
 * Reads an image's identity: by its pixels, and by its look, which survives resizing and compression.
 *
 * @throws DatasetError when it cannot be read
 * @see Krawetz 2013, "Kind of Like That", the difference hash
 */
export async function imageHashes(path: string): Promise<ImageHashes> {
  const { data, width, height } = await decodeImage(path);
  const content = createHash("sha256").update(`${width}x${height}\n`).update(data).digest("hex");
  return { width, height, content, look: differenceHash(data, width, height) };
}

/** In how many of 64 bits two looks differ. */
export function lookDistance(a: ImageHashes["look"], b: ImageHashes["look"]): number {
  return ones(a[0] ^ b[0]) + ones(a[1] ^ b[1]);
}

function differenceHash(data: ArrayLike<number>, width: number, height: number): [number, number] {
  const bits: [number, number] = [0, 0];
  for (let row = 0; row < ROWS; row++) {
    const cells = Array.from({ length: COLUMNS }, (_, column) =>
      brightness(data, width, height, column, row),
    );
    for (let column = 0; column < COLUMNS - 1; column++) {
      if (cells[column + 1]! <= cells[column]!) continue;
      const bit = row * (COLUMNS - 1) + column;
      bits[bit < 32 ? 0 : 1]! |= 1 << (bit % 32);
    }
  }
  return bits;
}

/** Mean brightness of a cell, which holds one pixel at least. */
function brightness(
  data: ArrayLike<number>,
  width: number,
  height: number,
  column: number,
  row: number,
): number {
  const [left, right] = [column, column + 1].map((x) => Math.floor((x * width) / COLUMNS));
  const [top, bottom] = [row, row + 1].map((y) => Math.floor((y * height) / ROWS));
  let sum = 0;
  let pixels = 0;
  for (let y = top!; y < Math.max(top! + 1, bottom!); y++) {
    for (let x = left!; x < Math.max(left! + 1, right!); x++) {
      const at = 3 * (y * width + x);
      sum += 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
      pixels++;
    }
  }
  return sum / pixels;
}

function ones(bits: number): number {
  let left = bits >>> 0;
  let count = 0;
  for (; left !== 0; left &= left - 1) count++;
  return count;
}
