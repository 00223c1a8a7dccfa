import { expect, test } from "vitest";
import { fromBfloat16, fromFloat16, toFloat16 } from "../../src/math/half.js";

const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

test("every float16 comes back, bit for bit, as it was", () => {
  const values = fromFloat16(all);
  const back = toFloat16(values);
  const isNumber = (bits: number) => (bits & 0x7fff) <= 0x7c00;
  expect(back.filter(isNumber)).toEqual(all.filter(isNumber));
  all.forEach((bits, i) => {
    if (!isNumber(bits)) expect(values[i]).toBeNaN();
  });
});

test("float16 has the values of IEEE 754", () => {
  const bits = [0x0001, 0x03ff, 0x0400, 0x3555, 0x3c00, 0x7bff, 0x7c00, 0xfc00, 0x8000];
  expect([...fromFloat16(Uint16Array.from(bits))]).toEqual([
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    0.333251953125,
    1,
    65504,
    Infinity,
    -Infinity,
    -0,
  ]);
});

test("what lies between two float16 goes to the nearer, and from the middle to the even one", () => {
  const positive = fromFloat16(all.subarray(0, 0x7c00));
  for (let i = 0; i + 1 < positive.length; i++) {
    const [low, high] = [positive[i]!, positive[i + 1]!];
    const middle = (low + high) / 2;
    const step = middle * 2 ** -23 + 2 ** -40;
    const given = Float32Array.of(middle - step, middle, middle + step, -middle);
    const even = i % 2 === 0 ? i : i + 1;
    const rounded = [...toFloat16(given)];
    if (rounded.join() !== [i, even, i + 1, even | 0x8000].join())
      expect(rounded, `around ${middle}`).toEqual([i, even, i + 1, even | 0x8000]);
  }
  expect([...toFloat16(Float32Array.of(65519.99, 65520, 1e30, -1e30))]).toEqual([
    0x7bff, 0x7c00, 0x7c00, 0xfc00,
  ]);
  expect([...fromFloat16(toFloat16(Float32Array.of(Number.NaN)))]).toEqual([Number.NaN]);
});

test("bfloat16 is the upper half of float32", () => {
  expect([...fromBfloat16(Uint16Array.of(0x3f80, 0xc040, 0x0001, 0x7f80))]).toEqual([
    1,
    -3,
    2 ** -133,
    Infinity,
  ]);
});
