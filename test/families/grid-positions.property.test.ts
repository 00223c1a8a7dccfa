import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gridPositions, type ImageGrid } from "../../src/families/grid-positions.js";

type Piece = number | readonly [rows: number, columns: number];

/** Grids of a prompt of texts and images, and its length. */
function laidOut(pieces: readonly Piece[]): { length: number; images: ImageGrid[] } {
  let length = 0;
  const images: ImageGrid[] = [];
  for (const piece of pieces) {
    if (typeof piece !== "number")
      images.push({ start: length, rows: piece[0], columns: piece[1] });
    length += typeof piece === "number" ? piece : piece[0] * piece[1];
  }
  return { length, images };
}

const positionsOf = (pieces: readonly Piece[]) => {
  const { length, images } = laidOut(pieces);
  const { planes, next } = gridPositions(length, images);
  return { planes: planes.map((plane) => [...plane]), delta: next - length };
};

/** As the paper has it: (time, height, width) of each token, text one behind the largest number so far. */
function plain(pieces: readonly Piece[]) {
  const tokens: [number, number, number][] = [];
  for (const piece of pieces) {
    const begin = Math.max(-1, ...tokens.flat()) + 1;
    if (typeof piece === "number") {
      for (let i = 0; i < piece; i++) tokens.push([begin + i, begin + i, begin + i]);
      continue;
    }
    const [rows, columns] = piece;
    for (let i = 0; i < rows * columns; i++) {
      tokens.push([begin, begin + Math.floor(i / columns), begin + (i % columns)]);
    }
  }
  return {
    planes: [0, 1, 2].map((plane) => tokens.map((token) => token[plane]!)),
    delta: Math.max(-1, ...tokens.flat()) + 1 - tokens.length,
  };
}

test("positions are those of a plain reading of the paper", () => {
  const side = fc.integer({ min: 1, max: 7 });
  const piece: fc.Arbitrary<Piece> = fc.oneof(fc.nat(6), fc.tuple(side, side));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      expect(positionsOf(pieces)).toEqual(plain(pieces));
    }),
  );
});

test("text alone counts on, and the next position is its length", () => {
  expect(positionsOf([4])).toEqual({ planes: Array(3).fill([0, 1, 2, 3]), delta: 0 });
});

describe("positions are those of get_rope_index in Python", () => {
  const golden = JSON.parse(
    readFileSync(new URL("../golden/qwen_vl.json", import.meta.url), "utf8"),
  ) as { positions: { model: string; pieces: Piece[]; planes: number[][]; delta: number }[] };
  test.each(golden.positions)("$model, $pieces", ({ pieces, planes, delta }) => {
    expect(positionsOf(pieces)).toEqual({ planes, delta });
  });
});
