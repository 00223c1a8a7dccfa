import { expect, test } from "vitest";
import { evalText } from "../../src/cli/eval-output.js";
import type { RunAnalysis } from "../../src/eval/index.js";
import { gainsOf } from "../../src/eval/report/gains.js";
import { analyseYesNo } from "../eval/report/yes-no-sets.js";

const truths = "yn".repeat(20);
const set = {
  ...analyseYesNo(truths, [
    { method: "regular", answers: "nn".repeat(20) },
    { method: "vcd", answers: truths },
  ]),
  name: "pope",
  judging: null,
  failures: { questions: 0, answers: [] },
};
const failure = { set: "few", id: "1", method: "vcd", seed: null, error: "a.png: cannot be read" };
const few = {
  ...analyseYesNo("yn", [{ method: "regular", answers: "yn" }]),
  name: "few",
  judging: null,
  failures: { questions: 1, answers: [failure] },
};
const analysis: RunAnalysis = {
  settings: {
    version: "0.0.0",
    model: { id: "m", hash: "h", dtype: "fp32" },
    ...{ promptSuffix: "", temperature: 1, topP: 1, sets: [], series: [] },
  },
  sets: [set, few],
  gains: gainsOf([set]),
};

test("the overview alone, with what its reader must know, and where the rest is", () => {
  expect(evalText(analysis, { out: "runs/a", details: false }).split("\n")).toEqual([
    "Greedy decoding, differences from regular",
    "set   figure      regular  vcd",
    "pope  Accuracy %  50.0     +50.0 better",
    "few   Accuracy %  100.0",
    "  vcd: better than regular, with no control to hold it against on pope",
    "",
    "The run has no set of general ability (mme, rubric, counts) beside these gains.",
    "better, worse: a difference that is shown, by a 95% interval without 0 and a corrected p-value of at most 0.05; others are not shown.",
    "",
    "few: only 1 image: below 20, intervals and p-values are rough; ask about more images",
    "few: 1 question is left out for every method, since answers failed: vcd 1 (first: a.png: cannot be read). --retry-failed asks again.",
    "all figures and comparisons: the report, or --details",
    "report: runs/a/report.html",
    "",
  ]);
});

test("--details: all figures of each set come first, and every comparison in words", () => {
  const text = evalText(analysis, { out: "runs/a", details: true });
  const overview = text.indexOf("Greedy decoding, differences from regular");
  expect(text).toMatch(/^pope \(rule first-word\)\nmethod +decoding +Accuracy %/);
  expect(text).toContain("\n  greedy: vcd is better than regular: Accuracy +50.0 points (95%");
  expect(text).toContain("\nWhat the answers are like:\n");
  expect(text.indexOf("few (rule first-word)")).toBeLessThan(overview);
  expect(text).not.toContain("or --details");
});
