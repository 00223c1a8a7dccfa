import { describe, expect, test } from "vitest";
import type { Model } from "../../src/engine/model.js";
import type { Probe } from "../../src/engine/probe.js";
import type { TensorData } from "../../src/engine/tensor-data.js";
import { AbortedError, InvalidArgumentError, ShapeError } from "../../src/errors.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { directionWarnings } from "../../src/vti/direction-warnings.js";
import { encodeDirections } from "../../src/vti/directions-file.js";
import { fitDirections } from "../../src/vti/fit-directions.js";
import type { Demonstration, FitOptions } from "../../src/vti/fit-options.js";
import { maskPatches } from "../../src/vti/mask-patches.js";

const [SIDE, PATCH, WIDTH, STATES] = [8, 4, 6, 3];
const POSITIONS = (SIDE / PATCH) ** 2;

/**
 * A model whose hidden states are a fixed linear map of pixels, and noise for each answer.
 *
 * @param mark what an answer with a fork adds to component 0 of each layer's state; more than three words add 5 to component 1
 */
function probed(mark = 2): Model {
  const pixelsOf = (name: string): TensorData => ({
    data: new SeededRandom(1, name).gaussians(3 * SIDE * SIDE),
    dims: [1, 3, SIDE, SIDE],
  });
  const map = new SeededRandom(2).gaussians(STATES * POSITIONS * WIDTH);
  const probe = {
    patchSize: PATCH,
    pixels: async (source: string) => pixelsOf(source),
    async visionStates({ data, dims: [rows = 1] }: TensorData) {
      const size = data.length / rows;
      const states = Array.from({ length: STATES }, (_, layer) =>
        Float32Array.from({ length: rows * POSITIONS * WIDTH }, (_, i) => {
          const row = Math.floor(i / (POSITIONS * WIDTH));
          const k = i % (POSITIONS * WIDTH);
          const pixel = data[row * size + (k % size)]!;
          return pixel * map[layer * POSITIONS * WIDTH + k]!;
        }),
      );
      return { layers: STATES, rows, positions: POSITIONS, width: WIDTH, states };
    },
    async textStates(_: string, answer: string, image: string, pooling = "last") {
      const noise = new SeededRandom(3, `${answer}${image}${pooling}`).gaussians(STATES * WIDTH);
      const isLie = answer.includes("fork");
      const words = answer.split(" ").length;
      const added = [isLie ? mark : 0, words > 3 ? 5 : 0];
      return {
        layers: STATES,
        width: WIDTH,
        states: noise.map((x, i) => 0.01 * x + (added[i % WIDTH] ?? 0)),
      };
    },
    dispose: async () => {},
  };
  return Object.assign(fakeModel(), { probe: async () => probe as unknown as Probe });
}

const demonstrations: Demonstration[] = Array.from({ length: 8 }, (_, i) => ({
  image: `${i}.png`,
  prompt: "Describe the image.",
  caption: `a dog ${i}`,
  hallucinated: `a fork ${i}`,
}));

describe("fitting", () => {
  test("finds what sets true captions apart from hallucinated ones", async () => {
    const { text, facts } = await fitDirections(probed(), demonstrations, { maskings: 3 });
    expect(text).toMatchObject({ layers: STATES - 1, positions: 1, width: WIDTH });
    // Truth minus lie: the lie's mark is +2 in component 0 of each layer.
    expect(text!.data[0]).toBeLessThan(-1);
    expect(Math.abs(text!.data[1]!)).toBeLessThan(0.9);
    const { halvesCosine } = facts.text as { halvesCosine: number[] };
    expect(halvesCosine).toHaveLength(STATES - 1);
  });

  test("tells of halves that agree where there is something to find, and that do not where there is nothing", async () => {
    const cosines = async (mark: number, seed: number) => {
      const { facts } = await fitDirections(probed(mark), demonstrations, { maskings: 3, seed });
      return (facts.text as { halvesCosine: number[] }).halvesCosine;
    };
    for (const seed of [0, 1, 2]) {
      for (const cosine of await cosines(20, seed)) expect(cosine).toBeGreaterThan(0.99);
      for (const cosine of await cosines(0, seed)) expect(Math.abs(cosine)).toBeLessThan(0.95);
    }
  });

  test("is deterministic for a seed, byte for byte, and differs for another", async () => {
    const fitted = async (seed: number) =>
      Buffer.from(
        encodeDirections(await fitDirections(probed(), demonstrations, { maskings: 12, seed })),
      );
    expect((await fitted(5)).equals(await fitted(5))).toBe(true);
    expect((await fitted(5)).equals(await fitted(6))).toBe(false);
  });

  test("without anything masked, the visual difference is nothing", async () => {
    const { image } = await fitDirections(probed(), demonstrations, { maskRatio: 0, maskings: 2 });
    expect(image!.data.every((x) => Math.abs(x) < 1e-6)).toBe(true);
  });

  test("tells how far it has come, and stops when asked", async () => {
    const seen: number[] = [];
    const stop = new AbortController();
    const options: FitOptions = {
      maskings: 1,
      signal: stop.signal,
      onProgress(done) {
        seen.push(done);
        if (done === 3) stop.abort();
      },
    };
    await expect(fitDirections(probed(), demonstrations, options)).rejects.toThrow(AbortedError);
    expect(seen).toEqual([1, 2, 3]);
  });

  test.each<[FitOptions, number, RegExp]>([
    [{ maskRatio: 2 }, 8, /maskRatio: received 2/],
    [{ maskings: 0 }, 8, /maskings/],
    [{ rank: 4 }, 8, /rank: received 4; expected an integer from 1 to 3/],
    [{ grouping: "tokens" as "token" }, 8, /grouping/],
    [{}, 3, /demonstrations: received 3; expected at least 4/],
    [{ masks: 3 } as FitOptions, 8, /no option 'masks'/],
    [{ estimator: "median" as "mean" }, 8, /estimator: received median; expected component, mean/],
    [{ pooling: "first" as "last" }, 8, /pooling: received first; expected last or mean/],
    [{ estimator: "mean", rank: 1 }, 8, /rank: received 1; expected none with the estimator mean/],
    [{ controls: demonstrations.slice(0, 2) }, 8, /controls: received 2; expected none or/],
  ])("refuses %j with %d demonstrations", async (options, count, message) => {
    const fit = fitDirections(probed(), demonstrations.slice(0, count), options);
    await expect(fit).rejects.toThrow(InvalidArgumentError);
    await expect(fitDirections(probed(), demonstrations.slice(0, count), options)).rejects.toThrow(
      message,
    );
  });

  test("refuses equal captions by their place", async () => {
    const equal = demonstrations.with(2, { ...demonstrations[2]!, hallucinated: "a dog 2 " });
    await expect(fitDirections(probed(), equal)).rejects.toThrow("demonstration 2");
  });
});

describe("what a fit finds about its directions", () => {
  type Facts = Readonly<Record<string, Readonly<Record<string, number[]>>>>;
  /** Pairs of true captions, of which one is longer. */
  const controls: Demonstration[] = demonstrations.map((one) => ({
    ...one,
    hallucinated: `${one.caption} and a cat`,
  }));
  const longer = demonstrations.map((one) => ({
    ...one,
    hallucinated: `${one.caption} and a fork`,
  }));
  const fitted = (options: FitOptions, pairs = demonstrations, mark = 2) =>
    fitDirections(probed(mark), pairs, { maskings: 2, ...options });

  test("signal to noise is sqrt(n) where all differences are the same, and about 1 where they are noise", async () => {
    const { facts: clear } = await fitted({ estimator: "mean" });
    for (const ratio of (clear as unknown as Facts).text!.signalToNoise!)
      expect(ratio).toBeCloseTo(Math.sqrt(8), 2);
    const { facts: noise } = await fitted({ estimator: "mean" }, demonstrations, 0);
    const ratios = (noise as unknown as Facts).text!.signalToNoise!;
    expect(ratios).toHaveLength(STATES - 1);
    for (const ratio of ratios) expect(ratio).toBeLessThan(2);
  });

  test("a direction of noise is warned of, a clear one is not", async () => {
    const warnings = async (mark: number) =>
      directionWarnings(await fitted({ estimator: "mean" }, demonstrations, mark)).filter((one) =>
        one.startsWith("text"),
      );
    expect(await warnings(2)).toEqual([]);
    expect((await warnings(0)).join()).toMatch(/mean difference is [\d.]+ times as long as chance/);
  });

  test("pairs that differ in length point along the controls; pairs of equal length do not", async () => {
    const cosines = async (pairs: Demonstration[]) => {
      const directions = await fitted({ estimator: "mean", controls }, pairs);
      const { lengthCosine } = (directions.facts as unknown as Facts).text!;
      return { lengthCosine, warnings: directionWarnings(directions).join() };
    };
    const equal = await cosines(demonstrations);
    for (const cosine of equal.lengthCosine!) expect(Math.abs(cosine)).toBeLessThan(0.1);
    expect(equal.warnings).not.toContain("length");
    const unequal = await cosines(longer);
    for (const cosine of unequal.lengthCosine!) expect(cosine).toBeGreaterThan(0.9);
    expect(unequal.warnings).toMatch(/text: .* cosine of 0\.9\d .* about length, not truth/);
    expect(((await fitted({})).facts as unknown as Facts).text).not.toHaveProperty("lengthCosine");
  });

  test("each estimator is what its name says; settings name it, the pooling and the number of controls", async () => {
    const text = async (options: FitOptions) => (await fitted(options)).text!.data;
    const mean = await text({ estimator: "mean" });
    // All differences are -2 in component 0, with a hundredth of noise.
    expect(mean[0]).toBeCloseTo(-2, 1);
    expect((await text({ estimator: "unit-mean" }))[0]).toBeCloseTo(-1, 2);
    const withComponent = await text({ estimator: "component" });
    const component = withComponent.map((value, i) => value - mean[i]!);
    const length = Math.hypot(...component);
    // A component has unit length over all layers, of which the embeddings are left out.
    expect(length).toBeGreaterThan(0.3);
    expect(length).toBeLessThanOrEqual(1 + 1e-5);
    expect(await text({ estimator: "mean", pooling: "mean" })).not.toEqual(mean);
    const { facts } = await fitted({ estimator: "unit-mean", pooling: "mean", controls });
    expect(facts.settings).toMatchObject({ estimator: "unit-mean", pooling: "mean", controls: 8 });
  });

  test("controls count as work to be done", async () => {
    const seen: string[] = [];
    const onProgress = (done: number, total: number) => seen.push(`${done}/${total}`);
    await fitted({ controls, onProgress });
    expect(seen.at(-1)).toBe("16/16");
  });
});

describe("masking patches", () => {
  const pixels = { data: new SeededRandom(9).gaussians(3 * SIDE * SIDE), dims: [1, 3, SIDE, SIDE] };
  const changedIn = (copy: Float32Array) => {
    const patches = new Set<number>();
    copy.forEach((value, i) => {
      if (value === pixels.data[i]) return;
      const [y, x] = [Math.floor((i % (SIDE * SIDE)) / SIDE), i % SIDE];
      patches.add(Math.floor(y / PATCH) * (SIDE / PATCH) + Math.floor(x / PATCH));
    });
    return patches;
  };

  test("sets the given share of patches to the channel means, other patches in each copy", () => {
    const { data, dims } = maskPatches(pixels, PATCH, 0.5, 20, new SeededRandom(1));
    expect(dims).toEqual([20, 3, SIDE, SIDE]);
    const hidden = Array.from({ length: 20 }, (_, i) =>
      changedIn(data.subarray(i * 192, (i + 1) * 192)),
    );
    for (const patches of hidden) expect(patches.size).toBe(2);
    expect(new Set(hidden.map((patches) => [...patches].sort().join())).size).toBeGreaterThan(2);
    const all = maskPatches(pixels, PATCH, 1, 1, new SeededRandom(1)).data;
    const mean = pixels.data.subarray(0, 64).reduce((a, b) => a + b) / 64;
    for (const value of all.subarray(0, 64)) expect(value).toBeCloseTo(mean, 6);
  });

  test("leaves the given pixels alone and refuses odd sizes", () => {
    const before = pixels.data.slice();
    maskPatches(pixels, PATCH, 1, 2, new SeededRandom(1));
    expect(pixels.data).toEqual(before);
    expect(() => maskPatches(pixels, 5, 0.5, 1, new SeededRandom(1))).toThrow(ShapeError);
  });
});
