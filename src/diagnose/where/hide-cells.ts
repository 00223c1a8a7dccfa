import type { Pixels } from "../../index.js";

/** Cells of equal size that an image is cut into. */
export interface CellGrid {
  readonly rows: number;
  readonly columns: number;
}

/** Some neighbouring cells: rows and columns, their ends exclusive. */
export interface CellWindow {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/**
 * Cells as square as can be, as many as asked for along the longer side.
 *
 * @param cells along the longer side
 */
export function cellGrid(
  { width, height }: Pick<Pixels, "width" | "height">,
  cells: number,
): CellGrid {
  const longer = Math.max(width, height);
  const along = (side: number) => Math.max(1, Math.min(side, Math.round((cells * side) / longer)));
  return { rows: along(height), columns: along(width) };
}

/**
 * All windows of some cells along each side, or of all cells of a side that has fewer: row by row.
 *
 * @param size cells along each side of a window
 */
export function windowsOf({ rows, columns }: CellGrid, size: number): CellWindow[] {
  const [down, across] = [Math.min(size, rows), Math.min(size, columns)];
  return Array.from({ length: rows - down + 1 }, (_, top) =>
    Array.from({ length: columns - across + 1 }, (__, left) => ({
      top,
      left,
      bottom: top + down,
      right: left + across,
    })),
  ).flat();
}

/** The mean colour of an image, channel by channel. */
export function meanColour({ data, channels }: Pixels): number[] {
  const sums = new Array<number>(channels).fill(0);
  for (let i = 0; i < data.length; i++) sums[i % channels]! += data[i]!;
  return sums.map((sum) => Math.round((sum * channels) / data.length));
}

/**
 * A copy of an image in which a window is filled with one colour.
 *
 * @param image not touched
 * @param colour of each channel
 */
export function hideWindow(
  image: Pixels,
  { rows, columns }: CellGrid,
  { top, left, bottom, right }: CellWindow,
  colour: readonly number[],
): Pixels {
  const { width, height, channels } = image;
  const data = Uint8Array.from(image.data);
  const x = (column: number) => Math.round((column * width) / columns);
  const y = (row: number) => Math.round((row * height) / rows);
  for (let line = y(top); line < y(bottom); line++) {
    for (let at = x(left); at < x(right); at++) data.set(colour, (line * width + at) * channels);
  }
  return { data, width, height, channels };
}
