import { expect, test } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import { behaviourTables } from "../../../src/eval/report/behaviour-tables.js";
import { gainsOf } from "../../../src/eval/report/gains.js";
import { gainsText } from "../../../src/eval/report/gains-text.js";
import type { SetAnalysis } from "../../../src/eval/report/run-analysis.js";
import { analysed } from "../analysed.js";
import { analyseYesNo } from "./yes-no-sets.js";

const rest = { judging: null, failures: { questions: 0, answers: [] } };

/** 40 questions with the answer no; regular gets 20 right, vcd all. */
const truths = "n".repeat(40);
const gain: SetAnalysis = {
  ...analyseYesNo(truths, [
    { method: "regular", answers: "yn".repeat(20) },
    { method: "vcd", answers: truths },
  ]),
  name: "pope",
  ...rest,
};

/** Counting, at which vcd fails where regular does not. */
const counting = benchmarkNamed("counts");
const questions = counting.load({
  data: {
    name: "q",
    text: JSON.stringify(
      [...truths].map((_, i) => ({
        question_id: i,
        image: `${i}.png`,
        text: "How many?",
        answer: "2",
      })),
    ),
  },
  truth: null,
});
const ability: SetAnalysis = {
  ...analysed(
    { name: "counts", benchmark: counting, rule: "first-number" },
    ["2", "3"].map((answer, i) => ({
      method: ["regular", "vcd"][i]!,
      seed: null,
      answered: questions.map((question) => ({ question, answer, verdict: null })),
      timings: [],
    })),
  ),
  ...rest,
};

test("a gain stands with what the same method does to general ability", () => {
  const gains = gainsOf([gain, ability]);
  expect(gains).toMatchObject([
    { set: "pope", method: "vcd", reference: "regular", decoding: "greedy" },
  ]);
  const [line, ...others] = gainsText({ gains, sets: [gain, ability] });
  expect(others).toEqual([]);
  expect(line).toMatch(
    /^pope, greedy: vcd is better than regular: Accuracy \+50\.0 points \(.*\)\. General ability: counts: vcd is worse than regular: Accuracy -100\.0 points/,
  );
});

test("a loss is no gain, and what is gained in general ability is none elsewhere", () => {
  const lost = {
    ...gain,
    comparisons: gain.comparisons.map((one) => ({ ...one, difference: -1 })),
  };
  expect(gainsOf([lost, ability])).toEqual([]);
  const unshown = {
    ...gain,
    comparisons: gain.comparisons.map((one) => ({ ...one, shown: false })),
  };
  expect(gainsText({ gains: gainsOf([unshown]), sets: [unshown] })).toEqual([
    "No method is shown to be better than regular or apc.",
  ]);
});

test("without a set of general ability the report says so", () => {
  const lines = gainsText({ gains: gainsOf([gain]), sets: [gain] });
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain("no set of general ability");
});

test("tables in short form: yes against the truth, and the moves from regular's answers", () => {
  const tables = behaviourTables(gain);
  expect(tables.map(({ title }) => title)).toEqual([
    "What the answers are like",
    "From regular's answers to a method's",
  ]);
  expect(tables[0]?.table).toEqual([
    ["method", "decoding", "Yes ratio %", "Yes by the truth %", "Yes above the truth, points"],
    ["regular", "greedy", "50.0", "0.0", "50.00"],
    ["vcd", "greedy", "0.0", "0.0", "0.00"],
  ]);
  const [header, row] = tables[1]!.table;
  expect(row?.[header!.indexOf("FP to TN")]).toBe("20");
  expect(row?.[header!.indexOf("TN to TN")]).toBe("20");
  expect(row?.[header!.indexOf("FN to TP")]).toBe("0");
  expect(row?.at(-2)).toBe("p < 0.001");
});

test("a gain that a control has too is told with the control", () => {
  const given = ["regular", "apc", "vcd"].map((method, i) => ({
    method,
    answers: i === 0 ? "yn".repeat(20) : truths,
  }));
  const set = { ...gain, ...analyseYesNo(truths, given), name: "pope" };
  const [, line] = gainsText({ gains: gainsOf([set]), sets: [set] });
  expect(line).toMatch(
    /^pope, greedy: vcd is better than regular: .*\. But it is not shown to be better than apc\.$/,
  );
});
