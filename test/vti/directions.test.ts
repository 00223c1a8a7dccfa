import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { principalComponents } from "../../src/math/principal-components.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { textualDirection, visualDirection } from "../../src/vti/directions.js";
import golden from "../golden/vti_directions.json" with { type: "json" };

const rowsOf = (numbers: readonly number[], count: number): Float32Array[] => {
  const length = numbers.length / count;
  return Array.from({ length: count }, (_, i) =>
    Float32Array.from(numbers.slice(i * length, (i + 1) * length)),
  );
};
const largestGap = (a: Float32Array, b: readonly number[]) =>
  a.reduce((gap, x, i) => Math.max(gap, Math.abs(x - b[i]!)), 0);

describe("golden directions of the authors' code", () => {
  test("textual", () => {
    const { demos, differences, direction } = golden.textual;
    const fitted = textualDirection(rowsOf(differences, demos), 1);
    expect(largestGap(fitted.direction, direction)).toBeLessThan(1e-5);
  });

  test("visual, in the authors' grouping", () => {
    const { tokens, demos, layers, dim: width, differences, direction } = golden.visual;
    // The file lists [token group][demo][layer * dim]; a demonstration is one buffer over all groups.
    const groups = rowsOf(differences, tokens * demos);
    const whole = Array.from({ length: demos }, (_, demo) =>
      Float32Array.from(
        Array.from({ length: tokens }, (_, group) => [...groups[group * demos + demo]!]).flat(),
      ),
    );
    const fitted = visualDirection(whole, { layers, tokens, width }, 1, "official");
    expect(largestGap(fitted.direction, direction)).toBeLessThan(1e-5);
  });
});

test("grouping by token makes each token's direction from that token alone", () => {
  const shape = { layers: 3, tokens: 2, width: 4 };
  const random = new SeededRandom(5);
  const demos = Array.from({ length: 6 }, () => random.gaussians(24));
  const { direction } = visualDirection(demos, shape, 1, "token");
  const other = demos.map((demo) =>
    demo.map((x, i) => (Math.floor(i / 4) % 2 === 1 ? x * 3 + 1 : x)),
  );
  const changed = visualDirection(other, shape, 1, "token").direction;
  direction.forEach((x, i) => {
    if (Math.floor(i / 4) % 2 === 0) expect(changed[i]).toBe(x);
  });
  const tokenZero = demos.map((demo) => demo.filter((_, i) => Math.floor(i / 4) % 2 === 0));
  const alone = textualDirection(tokenZero, 1).direction;
  expect([...direction.filter((_, i) => Math.floor(i / 4) % 2 === 0)]).toEqual([...alone]);
});

describe("principal components", () => {
  test("of points on a line: its direction, all variance, the sign of the farthest point", () => {
    const rows = [-1, 0, 4].map((t) => Float32Array.of(3 * t, 1, 4 * t));
    const { mean, components, explained } = principalComponents(rows, 1);
    expect([...mean]).toEqual([3, 1, 4]);
    [0.6, 0, 0.8].forEach((x, i) => {
      expect(components[0]![i]).toBeCloseTo(x, 6);
    });
    expect(explained[0]).toBeCloseTo(1, 6);
  });

  test("are orthonormal, and explain no more than everything", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 3, max: 8 }), (seed, n) => {
        const random = new SeededRandom(seed);
        const rows = Array.from({ length: n }, () => random.gaussians(20));
        const { components, explained } = principalComponents(rows, n - 1);
        components.forEach((a, i) => {
          components.forEach((b, j) => {
            const dot = a.reduce((sum, x, k) => sum + x * b[k]!, 0);
            expect(dot).toBeCloseTo(i === j ? 1 : 0, 4);
          });
        });
        expect(explained.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      }),
      { numRuns: 30 },
    );
  });

  test("of equal rows are zero", () => {
    const row = Float32Array.of(1, 2);
    expect(principalComponents([row, row, row], 1).components[0]).toEqual(new Float32Array(2));
  });

  test("need rows of equal length, two or more, and a rank below their number", () => {
    const row = Float32Array.of(1, 2);
    expect(() => principalComponents([row], 1)).toThrow(InvalidArgumentError);
    expect(() => principalComponents([row, row], 2)).toThrow("from 1 to 1");
    expect(() => principalComponents([row, Float32Array.of(1)], 1)).toThrow("equal lengths");
  });
});
