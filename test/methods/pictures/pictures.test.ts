import { describe, expect, test } from "vitest";
import type { Picture } from "../../../src/engine/image-variant.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { gaussianBlur, softBlur } from "../../../src/methods/pictures/blur.js";
import { brightness, contrastOf, hue, saturation } from "../../../src/methods/pictures/colour.js";
import { blacken, coverCells } from "../../../src/methods/pictures/cover.js";
import { crop, flip, rotate } from "../../../src/methods/pictures/move.js";
import golden from "../../golden/pictures.json" with { type: "json" };

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const { width, height } = golden;
const picture: Picture = { data: bytes(golden.picture), width, height, channels: 3 };

const differences = (one: Picture["data"], other: Picture["data"]): number[] =>
  Array.from(one, (value, i) => Math.abs(value - other[i]!));

/** Draws that take the cells of a picture in order. */
const inOrder = { integer: () => 0 } as never as SeededRandom;

// The largest difference in grey levels, and the share of values that may differ at all.
test.each([
  ["flip-horizontal", flip(picture, "horizontal"), 0, 0],
  ["flip-vertical", flip(picture, "vertical"), 0, 0],
  // A pixel between two may fall to either.
  ["rotate 33", rotate(picture, 33), 255, 0.005],
  ["rotate -140", rotate(picture, -140), 255, 0.005],
  ["blur 1.7", gaussianBlur(picture, 1.7, 6), 1, 0.01],
  ["crop", crop(picture, { left: 5, top: 3, width: 14, height: 9 }), 0, 0],
  ["brightness 0.4", brightness(picture, 0.4), 1, 0.01],
  ["brightness 1.6", brightness(picture, 1.6), 1, 0.01],
  ["contrast 0.4", contrastOf(picture, 0.4), 1, 0.01],
  ["contrast 1.6", contrastOf(picture, 1.6), 1, 0.01],
  ["saturation 0.4", saturation(picture, 0.4), 1, 0.01],
  ["saturation 1.6", saturation(picture, 1.6), 1, 0.01],
  // Pillow keeps hue and saturation in 8 bits each.
  ["hue 0.3", hue(picture, 0.3), 12, 1],
  ["hue -0.45", hue(picture, -0.45), 12, 1],
  // Each change rounds down; a grey level more or less of one is enlarged by the next.
  ["jitter", brightness(contrastOf(saturation(picture, 1.7), 0.6), 1.2), 2, 0.02],
  ["soft blur 0.9", softBlur(picture, 0.9), 1, 0.01],
  ["soft blur 2.6", softBlur(picture, 2.6), 1, 0.01],
  ["60 cells", coverCells(picture, 60 / 196, inOrder), 0, 0],
  ["black", blacken(picture), 0, 0],
] as const)("%s is torchvision's", (name, changed, most, share) => {
  const expected = bytes(golden.changes[name]);
  expect(changed.data).toHaveLength(expected.length);
  const found = differences(changed.data, expected);
  expect(Math.max(...found)).toBeLessThanOrEqual(most);
  expect(found.filter((value) => value > 0).length / found.length).toBeLessThanOrEqual(share);
});

describe("soft blur", () => {
  test.each([3, 9, 14])("of %s pixels is nearly a Gaussian's", (sigma) => {
    const side = 121;
    const data = new Uint8Array(side * side * 3);
    for (let y = 40; y < 81; y++) data.fill(250, (y * side + 40) * 3, (y * side + 81) * 3);
    const square: Picture = { data, width: side, height: side, channels: 3 };
    const [soft, exact] = [softBlur(square, sigma), gaussianBlur(square, sigma, 4 * sigma)];
    expect(Math.max(...differences(soft.data, exact.data))).toBeLessThanOrEqual(10);
    expect(Math.max(...differences(soft.data, data))).toBeGreaterThan(60);
  });

  test("of 0 leaves the picture; a single pixel stays under any", () => {
    expect(softBlur(picture, 0)).toEqual(picture);
    const pixel: Picture = { data: Uint8Array.of(1, 2, 3), width: 1, height: 1, channels: 3 };
    expect(softBlur(pixel, 7)).toEqual(pixel);
    expect(gaussianBlur(pixel, 2, 6)).toEqual(pixel);
  });
});

describe("covered cells", () => {
  test.each([0, 0.25, 1])("a share of %s has the mean colour, the rest stays", (share) => {
    const big: Picture = {
      data: Uint8Array.from({ length: 28 * 28 * 3 }, (_, i) => (i % 3 === 0 ? (i * 7) % 250 : 5)),
      width: 28,
      height: 28,
      channels: 3,
    };
    const covered = coverCells(big, share, new SeededRandom(1));
    const reds = Array.from(big.data).filter((_, i) => i % 3 === 0);
    const mean = Math.round(reds.reduce((sum, red) => sum + red, 0) / reds.length);
    let pixels = 0;
    for (let i = 0; i < big.data.length; i += 3) {
      const red = covered.data[i]!;
      if (red === big.data[i]! && red !== mean) continue;
      expect(red).toBe(mean);
      pixels++;
    }
    // 196 cells of 2 x 2 pixels.
    const own = reds.filter((red) => red === mean).length;
    expect(pixels).toBeGreaterThanOrEqual(4 * Math.round(share * 196));
    expect(pixels).toBeLessThanOrEqual(4 * Math.round(share * 196) + own);
    expect(coverCells(big, share, new SeededRandom(1))).toEqual(covered);
  });
});

test("no change touches the picture that it is given", () => {
  expect(blacken(picture).data.every((value) => value === 0)).toBe(true);
  expect([...picture.data]).toEqual([...bytes(golden.picture)]);
});
