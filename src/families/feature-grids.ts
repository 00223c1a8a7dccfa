import { type FeatureGrid, type PictureArea, WHOLE_PICTURE } from "../engine/feature-grid.js";

/**
 * So many equal squares of an image, in rows and columns; undefined where that cannot be.
 *
 * @param dims of its pixels, the last two height and width
 * @param area what of the picture they show
 */
export function squareCells(
  count: number,
  dims: readonly number[],
  area: PictureArea = WHOLE_PICTURE,
): FeatureGrid | undefined {
  const [height = 0, width = 0] = dims.slice(-2);
  const rows = Math.round(Math.sqrt((count * height) / width));
  const columns = count / rows;
  const isSquare = Math.abs(height / rows - width / columns) < 1;
  return Number.isInteger(columns) && isSquare ? { rows, columns, area } : undefined;
}

/** The areas of equal tiles, row by row. */
export function tileAreas(rows: number, columns: number): PictureArea[] {
  return Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return {
      left: column / columns,
      top: row / rows,
      right: (column + 1) / columns,
      bottom: (row + 1) / rows,
    };
  });
}
