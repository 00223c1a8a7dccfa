/** Pictures in cells: what is hidden, and how features lie over them. */
import { expect, test } from "vitest";
import {
  cellGrid,
  hideWindow,
  meanColour,
  windowsOf,
} from "../../../src/diagnose/where/hide-cells.js";
import { cellShares, finestCells } from "../../../src/diagnose/where/spread-over-cells.js";
import type { FeatureGrid } from "../../../src/engine/feature-grid.js";

const WHOLE = { left: 0, top: 0, right: 1, bottom: 1 };

test("cells are as square as can be, and never smaller than a pixel", () => {
  expect(cellGrid({ width: 96, height: 96 }, 8)).toEqual({ rows: 8, columns: 8 });
  expect(cellGrid({ width: 640, height: 480 }, 8)).toEqual({ rows: 6, columns: 8 });
  expect(cellGrid({ width: 10, height: 400 }, 8)).toEqual({ rows: 8, columns: 1 });
  expect(cellGrid({ width: 3, height: 1 }, 8)).toEqual({ rows: 1, columns: 3 });
});

test("windows slide by a cell, and are as large as the image at most", () => {
  const grid = { rows: 2, columns: 3 };
  expect(windowsOf(grid, 1)).toHaveLength(6);
  expect(windowsOf(grid, 2)).toEqual([
    { top: 0, left: 0, bottom: 2, right: 2 },
    { top: 0, left: 1, bottom: 2, right: 3 },
  ]);
  expect(windowsOf(grid, 9)).toEqual([{ top: 0, left: 0, bottom: 2, right: 3 }]);
});

test("a hidden window has the mean colour, and nothing else changes", () => {
  const image = {
    width: 4,
    height: 2,
    channels: 3,
    data: Uint8Array.from({ length: 24 }, (_, i) => 10 * i),
  } as const;
  const colour = meanColour(image);
  expect(colour).toEqual([0, 1, 2].map((c) => Math.round(meanOf(image.data, c))));
  const hidden = hideWindow(
    image,
    { rows: 2, columns: 2 },
    { top: 1, left: 1, bottom: 2, right: 2 },
    colour,
  );
  expect([...hidden.data.slice(0, 18)]).toEqual([...image.data.slice(0, 18)]);
  expect([...hidden.data.slice(18)]).toEqual([...colour, ...colour]);
  expect(image.data[18]).toBe(180);
});

const meanOf = (data: Uint8Array, channel: number): number => {
  const own = [...data].filter((_, i) => i % 3 === channel);
  return own.reduce((sum, value) => sum + value, 0) / own.length;
};

/** Cells' values where every feature has its own number. */
function laid(grids: readonly FeatureGrid[], features: readonly number[]): number[] {
  const cells = finestCells(grids);
  const values = new Array<number>(cells.rows * cells.columns).fill(0);
  for (const { feature, cell, share } of cellShares(grids, cells)) {
    values[cell]! += share * features[feature]!;
  }
  return values.map((value) => Number(value.toFixed(12)));
}

test("features of one grid are its cells, row by row", () => {
  expect(laid([{ rows: 2, columns: 3, area: WHOLE }], [1, 2, 3, 4, 5, 6])).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
});

test("tiles lie beside each other, the whole picture over them all", () => {
  const left = { rows: 1, columns: 2, area: { ...WHOLE, right: 0.5 } };
  const right = { rows: 1, columns: 2, area: { ...WHOLE, left: 0.5 } };
  const whole = { rows: 1, columns: 2, area: WHOLE };
  expect(finestCells([left, right, whole])).toEqual({ rows: 1, columns: 4 });
  expect(laid([left, right, whole], [1, 2, 3, 4, 10, 20])).toEqual([6, 7, 13, 14]);
});

test("of a picture whose middle is seen, the edges have nothing; what lies beyond it is left out", () => {
  const middle = { rows: 2, columns: 2, area: { left: 0.25, top: 0, right: 0.75, bottom: 1 } };
  expect(laid([middle], [1, 2, 3, 4])).toEqual([0, 1, 2, 0, 0, 3, 4, 0]);
  const padded = { rows: 1, columns: 3, area: { left: -0.25, top: 0, right: 1.25, bottom: 1 } };
  expect(laid([padded], [4, 5, 6])).toEqual([4.5, 5.5].map((value) => value));
});
