import { expect, test } from "vitest";
import type { RunAnalysis } from "../../../src/eval/report/run-analysis.js";
import { chooseSetting } from "../../../src/eval/tuning/choose-setting.js";

const NAMES = ["a", "b", "c"];

/** Sets with a value for each setting, better higher or lower. */
function sets(...all: readonly (readonly ["higher" | "lower", ...(number | null)[]])[]) {
  const analysis = all.map(([better, ...values], s) => ({
    name: `set${s}`,
    primaryMetric: { name: "m", title: "M", unit: "percent", better },
    methods: values.map((value, i) => ({
      method: NAMES[i],
      decoding: "greedy",
      figures: { m: { value: { value }, interval: null } },
    })),
  }));
  return { sets: analysis } as unknown as RunAnalysis;
}
const ranks = (analysis: RunAnalysis) => {
  const { chosen, tried } = chooseSetting(analysis, NAMES, "greedy");
  return [chosen.name, ...tried.map(({ rank }) => rank)];
};

test("places of a metric that is better lower, equal ones shared", () => {
  expect(ranks(sets(["lower", 5, 3, 3]))).toEqual(["b", 3, 1.5, 1.5]);
});

test("one setting for all sets, whatever their units", () => {
  // Places 1, 2, 3 and 3, 1, 2: b is never worse than second.
  expect(ranks(sets(["higher", 90, 80, 70], ["lower", 9, 1, 2]))).toEqual(["b", 2, 1.5, 2.5]);
});

test("a setting without a figure is last, and one alone without any is refused", () => {
  expect(ranks(sets(["higher", null, -5, -6]))).toEqual(["b", 3, 1, 2]);
  expect(() => ranks(sets(["higher", null, null, null]))).toThrow(/nothing can be chosen/);
});
