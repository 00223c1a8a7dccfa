import type { Picture } from "../../engine/image-variant.js";
import type { SeededRandom } from "../../math/seeded-random.js";

/** Cells of a picture along either side; fewer where it has fewer pixels. */
const CELLS = 14;

/** A black picture of the same size. */
export function blacken({ data, ...size }: Picture): Picture {
  return { ...size, data: new Uint8Array(data.length) };
}

/**
 * A picture with some of its 14 x 14 cells covered by its mean colour.
 *
 * @param share of the cells, in [0, 1]
 * @param random which ones
 */
export function coverCells(picture: Picture, share: number, random: SeededRandom): Picture {
  const { width, height, channels } = picture;
  const [columns, rows] = [Math.min(CELLS, width), Math.min(CELLS, height)];
  const cells = Array.from({ length: columns * rows }, (_, cell) => cell);
  const covered = new Set<number>();
  for (const count = Math.round(share * cells.length); covered.size < count; ) {
    const [cell] = cells.splice(random.integer(cells.length), 1);
    covered.add(cell!);
  }
  const colour = meanColour(picture);
  const data = Uint8Array.from(picture.data);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height);
    for (let x = 0; x < width; x++) {
      if (!covered.has(row * columns + Math.floor((x * columns) / width))) continue;
      data.set(colour, (y * width + x) * channels);
    }
  }
  return { ...picture, data };
}

function meanColour({ data, channels }: Picture): number[] {
  const sums = [0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % channels]! += data[i]!;
  return sums.map((sum) => Math.round((sum * channels) / data.length));
}
