import { expect, test } from "vitest";
import { mcnemar } from "../../../src/eval/statistics/mcnemar.js";
import { metricIntervals } from "../../../src/eval/statistics/metric-intervals.js";
import { pairedBootstrap } from "../../../src/eval/statistics/paired-bootstrap.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { accuracy, simulate } from "./simulated.js";

const EXPERIMENTS = 1000;

test("95% intervals by image hold the true accuracy in 93 to 97% of 1,000 experiments", () => {
  const random = new SeededRandom(1);
  let covered = 0;
  for (let experiment = 0; experiment < EXPERIMENTS; experiment++) {
    const [method] = simulate(random, { images: 120, questions: 6, methods: [0.7] });
    const intervals = metricIntervals(method?.clusters ?? [], [accuracy], {
      resamples: 400,
      seed: experiment,
    });
    const { low, high } = intervals.accuracy!;
    if (low <= 0.7 && 0.7 <= high) covered++;
  }
  expect(covered / EXPERIMENTS).toBeGreaterThanOrEqual(0.93);
  expect(covered / EXPERIMENTS).toBeLessThanOrEqual(0.97);
});

test("drawing questions instead of images would be too sure of itself", () => {
  const random = new SeededRandom(2);
  let covered = 0;
  for (let experiment = 0; experiment < 300; experiment++) {
    const [method] = simulate(random, { images: 60, questions: 12, methods: [0.7] });
    const single = (method?.right ?? []).map((right) => ({ correct: right ? 1 : 0, asked: 1 }));
    const { low, high } = metricIntervals(single, [accuracy], { resamples: 200 }).accuracy!;
    if (low <= 0.7 && 0.7 <= high) covered++;
  }
  expect(covered / 300).toBeLessThan(0.93);
});

test("two equal methods differ at 5% in about 5% of experiments, by either test", () => {
  const random = new SeededRandom(3);
  let bootstrap = 0;
  let exact = 0;
  for (let experiment = 0; experiment < EXPERIMENTS; experiment++) {
    const [a, b] = simulate(random, { images: 120, questions: 6, methods: [0.7, 0.7] });
    const options = { resamples: 400, seed: experiment };
    const difference = pairedBootstrap(a?.clusters ?? [], b?.clusters ?? [], accuracy, options);
    if ((difference?.pValue ?? 1) <= 0.05) bootstrap++;
    const onlyA = a?.right.filter((right, i) => right && !b?.right[i]).length ?? 0;
    const onlyB = b?.right.filter((right, i) => right && !a?.right[i]).length ?? 0;
    if (mcnemar(onlyA, onlyB) <= 0.05) exact++;
  }
  for (const rate of [bootstrap / EXPERIMENTS, exact / EXPERIMENTS]) {
    expect(rate).toBeGreaterThan(0.03);
    expect(rate).toBeLessThan(0.07);
  }
});

test("a true difference of 8 points is found in most experiments", () => {
  const random = new SeededRandom(4);
  let found = 0;
  for (let experiment = 0; experiment < 200; experiment++) {
    const [a, b] = simulate(random, { images: 120, questions: 6, methods: [0.78, 0.7] });
    const difference = pairedBootstrap(a?.clusters ?? [], b?.clusters ?? [], accuracy, {
      resamples: 200,
    });
    if ((difference?.pValue ?? 1) <= 0.05) found++;
  }
  expect(found / 200).toBeGreaterThan(0.8);
});
