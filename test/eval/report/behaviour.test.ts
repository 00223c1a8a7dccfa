import { describe, expect, test, vi } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import type { ScoredQuestion } from "../../../src/eval/contract/benchmark.js";
import { cellOfScore } from "../../../src/eval/scoring/behaviour-counts.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { analyseYesNo } from "./yes-no-sets.js";

describe("yes against the truth", () => {
  test("hand-worked: TP 2, FP 3, TN 1, FN 1 of 8, one not read", () => {
    const { behaviour, measures } = analyseYesNo("yyyynnnn", [
      { method: "regular", answers: "yyn?yyyn" },
    ]);
    const figures = behaviour[0]!.figures;
    expect(measures.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["yes_ratio", "true_yes_ratio", "yes_bias"]),
    );
    // 5 of 7 answers say yes, 3 of the 7 truths are yes: 2 of 7 above.
    expect(figures.yes_ratio?.value.value).toBeCloseTo(5 / 7, 12);
    expect(figures.true_yes_ratio?.value.value).toBeCloseTo(3 / 7, 12);
    expect(figures.yes_bias?.value.value).toBeCloseTo(200 / 7, 12);
  });

  test("a shift to yes is shown by McNemar, though the accuracy stays", () => {
    const truths = "yn".repeat(20);
    const { behaviour, comparisons } = analyseYesNo(truths, [
      { method: "regular", answers: "nn".repeat(20) },
      { method: "shift", answers: "yy".repeat(20) },
    ]);
    expect(comparisons[0]).toMatchObject({ metric: "accuracy", difference: 0, shown: false });
    const shift = behaviour[1]?.comparisons.find(({ metric }) => metric === "yes_ratio");
    expect(shift).toMatchObject({ difference: 1, test: "McNemar (mid-p)", shown: true });
    expect(shift?.verdict).toContain("shift is higher than regular: Yes ratio +100.0 points");
  });

  test("nothing read: undefined with its reason", () => {
    const [one] = analyseYesNo("yn", [{ method: "regular", answers: "??" }]).behaviour;
    expect(one?.figures.yes_bias?.value).toEqual({
      value: null,
      reason: "no answer was read as yes or no",
    });
  });
});

describe("cells of the yes/no benchmarks", () => {
  const cell = (name: string, row: object, answer: string, rule: string, verdict?: string) => {
    const benchmark = benchmarkNamed(name);
    const rows = name === "mme" ? [row, { ...row, question_id: 9 }] : [row];
    const data = { name: "q.json", text: JSON.stringify(rows) };
    const [question] = benchmark.load({ data, truth: null });
    const score = question!.score(answer, { rule, verdict: verdict ?? null });
    return cellOfScore(score as ScoredQuestion["score"]);
  };
  const asked = {
    question_id: 1,
    image: "a.png",
    text: "Is it?",
    type: "existence",
    category: "c",
  };
  const figure = {
    category: "VD",
    subcategory: "chart",
    set_id: 0,
    figure_id: 1,
    question_id: 0,
    visual_input: "1",
    question: "Is it?",
  };

  test.each([
    ["yes", "Yes", "tp"],
    ["yes", "No", "fn"],
    ["no", "Yes", "fp"],
    ["no", "No", "tn"],
    ["no", "Perhaps", null],
  ] as const)("truth %s, answer %s: %s", (label, answer, expected) => {
    for (const [name, rule] of [
      ["pope", "first-word"],
      ["mme", "mme"],
      ["amber-discriminative", "exact"],
    ] as const) {
      expect(cell(name, { ...asked, label }, answer, rule)).toBe(expected);
    }
    const truth = { ...figure, gt_answer: label === "yes" ? "1" : "0" };
    expect(cell("hallusionbench", truth, answer, "yes-no")).toBe(expected);
  });

  test("HallusionBench: a judge tells right from wrong, and so yes from no", () => {
    const judged = (gt_answer: string, verdict: string) =>
      cell("hallusionbench", { ...figure, gt_answer }, "It is so.", "judge", verdict);
    expect(judged("1", "correct")).toBe("tp");
    expect(judged("1", "incorrect")).toBe("fn");
    expect(judged("0", "correct")).toBe("tn");
    expect(judged("0", "incorrect")).toBe("fp");
    expect(judged("0", "unclear")).toBeNull();
  });
});

test("all figures of a method come of one set of draws", () => {
  const drawn = vi.spyOn(SeededRandom.prototype, "integer");
  const { images, methods, behaviour } = analyseYesNo("yn".repeat(20), [
    { method: "regular", answers: "yyyn".repeat(10) },
  ]);
  expect(images).toBe(20);
  expect(drawn).toHaveBeenCalledTimes(2000 * images);
  drawn.mockRestore();
  expect(methods[0]?.figures.accuracy?.interval).not.toBeNull();
  expect(behaviour[0]?.figures.yes_ratio?.interval).not.toBeNull();
});
