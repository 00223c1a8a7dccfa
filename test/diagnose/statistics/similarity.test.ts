/** Against NumPy and scikit-learn (test/peers/make-statistics.py), and what they may not depend on. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jackknifeEstimate } from "../../../src/diagnose/statistics/jackknife.js";
import {
  linearCka,
  modalityGap,
  mutualKnn,
  pairCosines,
  type Vectors,
} from "../../../src/diagnose/statistics/similarity.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import golden from "../../golden/statistics.json" with { type: "json" };

const { x, y, ...expected } = golden.similarity;
const z = y.map((row) => row.slice(0, 6));

test("CKA, mutual neighbours, cosines and gap are those of NumPy and scikit-learn", () => {
  expect(linearCka(x, y)).toBeCloseTo(expected.cka, 12);
  for (const [k, share] of Object.entries(expected.knn))
    expect(mutualKnn(x, y, Number(k))).toBeCloseTo(share, 12);
  const { matched, unmatched } = pairCosines(x, z);
  expect(matched).toBeCloseTo(expected.matched, 12);
  expect(unmatched).toBeCloseTo(expected.unmatched, 12);
  expect(modalityGap(x, z)).toBeCloseTo(expected.gap, 12);
});

/** Vectors turned by a random rotation, made of plane ones. */
function turned(vectors: Vectors, random: SeededRandom): number[][] {
  const rows = vectors.map((vector) => Array.from(vector));
  const width = rows[0]!.length;
  for (let times = 0; times < 3 * width; times++) {
    const [a, angle] = [random.integer(width), 2 * Math.PI * random.uniform()];
    const b = (a + 1 + random.integer(width - 1)) % width;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    for (const row of rows)
      [row[a], row[b]] = [cos * row[a]! - sin * row[b]!, sin * row[a]! + cos * row[b]!];
  }
  return rows;
}

describe.each([1, 2, 3])("seed %i", (seed) => {
  const random = new SeededRandom(seed, "similarity");
  const scaled = (vectors: Vectors, by: number) =>
    vectors.map((vector) => Array.from(vector, (value) => by * value));

  test("CKA does not depend on rotation, scale and place; neighbours on rotation and scale", () => {
    const other = turned(scaled(x, 0.5 + 3 * random.uniform()), random);
    expect(linearCka(x, other)).toBeCloseTo(1, 10);
    expect(linearCka(other, y)).toBeCloseTo(expected.cka, 10);
    const shift = x[0]!.map(() => random.gaussian());
    const moved = x.map((row) => row.map((value, d) => value + shift[d]!));
    expect(linearCka(moved, y)).toBeCloseTo(expected.cka, 10);
    expect(mutualKnn(x, other, 5)).toBe(1);
    expect(mutualKnn(other, y, 5)).toBeCloseTo(expected.knn["5"], 12);
  });

  test("none depends on the order of things", () => {
    const order = x.map((_, i) => i).sort((a, b) => Math.sin(a * seed) - Math.sin(b * seed));
    const [a, b, c] = [x, y, z].map((rows) => order.map((i) => rows[i]!));
    expect(linearCka(a!, b!)).toBeCloseTo(expected.cka, 10);
    expect(mutualKnn(a!, b!, 5)).toBeCloseTo(expected.knn["5"], 12);
    expect(pairCosines(a!, c!).matched).toBeCloseTo(expected.matched, 12);
    expect(modalityGap(a!, c!)).toBeCloseTo(expected.gap, 12);
  });
});

test("unrelated representations share neighbours by chance", () => {
  const random = new SeededRandom(1, "unrelated");
  const draw = () => Array.from({ length: 200 }, () => random.gaussians(8));
  expect(mutualKnn(draw(), draw(), 10)).toBeCloseTo(10 / 199, 1);
});

test("alignment lies between 0 and 1, and is symmetric", () => {
  const vectors = fc.array(
    fc.tuple(
      fc.double({ min: -9, max: 9, noNaN: true }),
      fc.double({ min: -9, max: 9, noNaN: true }),
    ),
    { minLength: 3, maxLength: 9 },
  );
  fc.assert(
    fc.property(vectors, (rows) => {
      const others = rows.map(([a, b]) => [a * b, a, 1]);
      const cka = linearCka(rows, others);
      expect(linearCka(others, rows)).toEqual(cka === null ? null : expect.closeTo(cka, 9));
      if (cka !== null) {
        expect(cka).toBeGreaterThan(-1e-9);
        expect(cka).toBeLessThan(1 + 1e-9);
      }
      expect(mutualKnn(rows, others, 2)).toBe(mutualKnn(others, rows, 2));
    }),
  );
});

test("say what does not fit", () => {
  expect(() => linearCka(x, y.slice(1))).toThrow("received 24 and 23 vectors");
  expect(() => mutualKnn(x, y, 24)).toThrow("received 24 of 24 things; expected 1 to 23");
  expect(() => pairCosines(x, y)).toThrow("received widths 6 and 7");
  expect(() => modalityGap(x, y)).toThrow("received widths 6 and 7");
  expect(linearCka([[1], [1]], [[1], [2]])).toBeNull();
});

test("the grouped jackknife has the standard error of a mean", () => {
  const random = new SeededRandom(2, "jackknife");
  const values = Array.from({ length: 400 }, () => random.gaussian());
  const meanOf = (things: readonly number[]) =>
    things.reduce((sum, i) => sum + values[i]!, 0) / things.length;
  const { value, low, high, n } = jackknifeEstimate(400, meanOf);
  expect(value).toBe(meanOf(values.map((_, i) => i)));
  expect(n).toBe(400);
  // 2.093 / sqrt(400) of a standard deviation of 1, give or take what 20 groups can tell.
  expect((high! - low!) / 2).toBeGreaterThan(0.06);
  expect((high! - low!) / 2).toBeLessThan(0.17);
  expect(jackknifeEstimate(30, meanOf).low).toBeNull();
  expect(jackknifeEstimate(0, meanOf).value).toBeNull();
});
