import { describe, expect, test } from "vitest";
import { verdict } from "../../../src/eval/report/verdict.js";
import {
  compareMethods,
  type MethodResults,
} from "../../../src/eval/statistics/compare-methods.js";
import { accuracy } from "./simulated.js";

/** 100 images with one question each; the first `right` are right. */
function results(method: string, right: number, offset = 0): MethodResults {
  const ids = Array.from({ length: 100 }, (_, i) => String(i));
  const isRight = (i: number) => (i + offset) % 100 < right;
  return {
    method,
    clusters: new Map(ids.map((id, i) => [id, { correct: isRight(i) ? 1 : 0, asked: 1 }])),
    right: new Map(ids.map((id, i) => [id, isRight(i)])),
  };
}

describe("comparisons", () => {
  const regular = results("regular", 70);

  test("a clear gain is shown, in words and figures", () => {
    const [gain] = compareMethods([results("vcd", 85)], regular, accuracy);
    expect(gain).toMatchObject({ shown: true, test: "McNemar (mid-p)" });
    expect(gain?.difference).toBeCloseTo(0.15);
    expect(verdict(gain!, accuracy)).toMatch(
      /^vcd is better than regular: Accuracy \+15\.0 points \(95% interval [\d.]+ to [\d.]+, p < 0\.001\)$/,
    );
  });

  test("a loss is worse, unless lower is better", () => {
    const [loss] = compareMethods([results("vcd", 50)], regular, accuracy);
    expect(verdict(loss!, accuracy)).toMatch(/^vcd is worse than regular: Accuracy -20\.0 points/);
    expect(verdict(loss!, { ...accuracy, better: "lower" })).toMatch(/^vcd is better than/);
    expect(verdict(loss!, { ...accuracy, better: "neither" })).toMatch(/^vcd is lower than/);
  });

  test("right and wrong elsewhere, but as often: no difference shown", () => {
    const [same] = compareMethods([results("apc", 70, 15)], regular, accuracy);
    expect(same?.shown).toBe(false);
    expect(verdict(same!, accuracy)).toMatch(
      /^no difference shown between apc and regular: Accuracy 0\.00 points/,
    );
  });

  test("Holm: what one comparison shows, it need not show among ten", () => {
    const small = results("m0", 76);
    const [alone] = compareMethods([small], regular, accuracy);
    expect(alone?.shown).toBe(true);
    const others = Array.from({ length: 9 }, (_, i) => results(`m${i + 1}`, 70, 30));
    const among = compareMethods([small, ...others], regular, accuracy);
    expect(among[0]?.pValue).toBe(alone?.pValue);
    expect(among[0]?.adjustedPValue).toBeCloseTo(10 * (alone?.pValue ?? 0));
    expect(among[0]?.shown).toBe(false);
  });

  test("many questions about three images show no more than three images do", () => {
    const ofThree = (method: string, right: boolean): MethodResults => ({
      method,
      clusters: new Map(["a", "b", "c"].map((id) => [id, { correct: right ? 6 : 0, asked: 6 }])),
      right: new Map(Array.from({ length: 18 }, (_, i) => [String(i), right])),
    });
    const [loss] = compareMethods([ofThree("vcd", false)], ofThree("regular", true), accuracy);
    expect(loss).toMatchObject({ test: "McNemar (mid-p)", pValue: 1 / 8, shown: false });
  });

  test("several seeds have no single right or wrong: paired bootstrap", () => {
    const sampled = { ...results("vcd", 85), right: null };
    expect(compareMethods([sampled], regular, accuracy)[0]?.test).toBe("paired bootstrap");
  });

  test("an undefined metric is not compared", () => {
    const empty = { method: "vcd", clusters: new Map([["0", {}]]), right: null };
    expect(compareMethods([empty], regular, accuracy)).toEqual([]);
  });
});
