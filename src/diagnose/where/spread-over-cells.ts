import type { FeatureGrid } from "../../index.js";
import type { CellGrid } from "./hide-cells.js";

/**
 * The cells of a picture that are as fine as the finest of its features' grids.
 *
 * @param grids at least one
 */
export function finestCells(grids: readonly FeatureGrid[]): CellGrid {
  const along = (count: number, from: number, to: number) => Math.round(count / (to - from));
  return {
    rows: Math.max(...grids.map(({ rows, area }) => along(rows, area.top, area.bottom))),
    columns: Math.max(...grids.map(({ columns, area }) => along(columns, area.left, area.right))),
  };
}

/** A feature's share of a cell. */
interface CellShare {
  readonly feature: number;
  readonly cell: number;
  readonly share: number;
}

/**
 * How features lie over cells: each gives every cell the share of its area that lies in it, so that sums stay what they
 * are; what lies beyond the picture is left out.
 */
export function cellShares(grids: readonly FeatureGrid[], cells: CellGrid): CellShare[] {
  let before = 0;
  return grids.flatMap(({ rows, columns, area }) => {
    const down = overlaps(rows, [area.top, area.bottom], cells.rows);
    const across = overlaps(columns, [area.left, area.right], cells.columns);
    const first = before;
    before += rows * columns;
    return down.flatMap((vertical) =>
      across.map((horizontal) => ({
        feature: first + vertical.from * columns + horizontal.from,
        cell: vertical.to * cells.columns + horizontal.to,
        share: vertical.share * horizontal.share,
      })),
    );
  });
}

/** Of equal parts of an interval, the shares that lie in equal parts of 0 to 1. */
function overlaps(parts: number, [start, end]: readonly [number, number], cells: number) {
  const length = (end - start) / parts;
  return Array.from({ length: parts }, (_, from) => {
    const [low, high] = [start + from * length, start + (from + 1) * length];
    return Array.from({ length: cells }, (__, to) => {
      const shared = Math.min(high, (to + 1) / cells) - Math.max(low, to / cells);
      return { from, to, share: shared / length };
    }).filter(({ share }) => share > 1e-9);
  }).flat();
}
