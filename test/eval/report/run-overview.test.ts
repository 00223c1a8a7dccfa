import { expect, test } from "vitest";
import { gainsText } from "../../../src/eval/report/gains-text.js";
import type { SetAnalysis } from "../../../src/eval/report/run-analysis.js";
import { overviewOf } from "../../../src/eval/report/run-overview.js";
import { analyseYesNo, type Given } from "./yes-no-sets.js";

const truths = "yn".repeat(20);

const setOf = (name: string, given: readonly Given[]): SetAnalysis => ({
  ...analyseYesNo(truths, given),
  name,
  judging: null,
  failures: { questions: 0, answers: [] },
});

const no = "nn".repeat(20);
const yes = "yy".repeat(20);

test("which method helps, where: a row for each set, a column for each method, and what was found in a line", () => {
  const sets = [
    setOf("first", [
      { method: "regular", answers: no },
      { method: "apc", answers: no },
      { method: "good", answers: truths },
      { method: "shift", answers: yes },
      { method: "pba", answers: yes },
    ]),
    setOf("second", [
      { method: "regular", answers: truths },
      { method: "apc", answers: truths },
      { method: "good", answers: truths },
      { method: "shift", answers: yes },
    ]),
  ];
  expect(overviewOf({ sets })).toEqual([
    {
      title: "Greedy decoding, differences from regular",
      table: [
        ["set", "figure", "regular", "apc", "good", "shift"],
        ["first", "Accuracy %", "50.0", "inactive", "+50.0 better", "0.0"],
        ["second", "Accuracy %", "100.0", "inactive", "inactive", "-50.0 worse"],
      ],
      lines: [
        "apc: inactive on all 2 sets",
        "good: better than regular, and than each control on first; inactive on second",
        "shift: no gain shown, and does what a shift to yes does on first; worse than regular on second",
      ],
    },
  ]);
});

test("a gain that its control has too is told with it; ways of decoding apart", () => {
  const gained = (seed: number | null) => [
    { method: "regular", seed, answers: no },
    { method: "apc", seed, answers: truths },
    { method: "vcd", seed, answers: truths },
  ];
  const found = overviewOf({ sets: [setOf("only", [...gained(null), ...gained(0)])] });
  expect(found.map(({ title }) => title.split(",")[0])).toEqual(["Greedy decoding", "Sampling"]);
  expect(found[0]?.lines).toEqual([
    "vcd: better than regular, but not shown to be better than apc",
  ]);
});

test("without regular the figures themselves stand there; regular alone is compared with nothing", () => {
  const alone = [setOf("only", [{ method: "vcd", answers: truths }])];
  expect(overviewOf({ sets: alone })).toEqual([
    {
      title: "Greedy decoding",
      table: [
        ["set", "figure", "vcd"],
        ["only", "Accuracy %", "100.0"],
      ],
      lines: [],
    },
  ]);
  expect(gainsText({ gains: [], sets: alone })).toEqual([
    "Nothing was compared: that takes a method and regular or apc, both with answers to the same questions.",
  ]);
});

test("where every answer failed there is no table, and it is said that nothing was compared", () => {
  const sets = [setOf("only", [])];
  expect(overviewOf({ sets })).toEqual([]);
  expect(gainsText({ gains: [], sets })).toEqual([
    "Nothing was compared: no question has answers of all methods.",
  ]);
});
