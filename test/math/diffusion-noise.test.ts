import { expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { DIFFUSION_STEPS, diffuse, noiseLevel } from "../../src/math/diffusion-noise.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import golden from "../golden/vcd_noise_schedule.json" with { type: "json" };

test.each(golden.cases)(
  "step $step keeps and adds what the authors' schedule does",
  ({ step, signal, noise }) => {
    expect(Math.abs(noiseLevel(step).signal - signal)).toBeLessThan(1e-5);
    expect(Math.abs(noiseLevel(step).noise - noise)).toBeLessThan(1e-5);
  },
);

test("the squares of signal and noise add up to one at every step, and the signal only falls", () => {
  for (let step = 0; step < DIFFUSION_STEPS; step++) {
    const { signal, noise } = noiseLevel(step);
    expect(signal ** 2 + noise ** 2).toBeCloseTo(1, 12);
    if (step > 0) expect(signal).toBeLessThan(noiseLevel(step - 1).signal);
  }
});

test.each([0, 100, 500, 999])(
  "a signal of unit variance keeps it at step %d, and its share of it is the schedule's",
  (step) => {
    const pixels = new SeededRandom(1).gaussians(50_000);
    const distorted = diffuse(pixels, step, new SeededRandom(2));
    const mean = (values: Float32Array) => values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(Math.abs(mean(distorted))).toBeLessThan(0.02);
    expect(Math.abs(mean(distorted.map((x) => x * x)) - 1)).toBeLessThan(0.03);
    const shared = mean(distorted.map((x, i) => x * pixels[i]!));
    expect(Math.abs(shared - noiseLevel(step).signal)).toBeLessThan(0.03);
  },
);

test.each([-1, 1000, 1.5, Number.NaN])("step %d is refused by name", (step) => {
  expect(() => noiseLevel(step)).toThrow(InvalidArgumentError);
  expect(() => noiseLevel(step)).toThrow(`received ${step}`);
});

test("diffused pixels are the schedule applied to one draw of noise, and the input is untouched", () => {
  const pixels = Float32Array.of(0.5, -1, 0.25);
  const eps = new SeededRandom(7).gaussians(3);
  const { signal, noise } = noiseLevel(500);
  const distorted = diffuse(pixels, 500, new SeededRandom(7));
  for (let i = 0; i < 3; i++)
    expect(distorted[i]).toBeCloseTo(signal * pixels[i]! + noise * eps[i]!, 5);
  expect([...pixels]).toEqual([0.5, -1, 0.25]);
});
