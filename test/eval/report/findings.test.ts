import { expect, test } from "vitest";
import { sharedWords } from "../../../src/eval/report/answer-likeness.js";
import { figuresTable } from "../../../src/eval/report/report-tables.js";
import { analyseYesNo } from "./yes-no-sets.js";

test("hand-worked: words that two answers share, of those that either has", () => {
  // a, dog of a, dog, runs, sits.
  expect(sharedWords("A dog runs.", "a dog: sits, a dog")).toBe(2 / 4);
  expect(sharedWords("", "...")).toBe(1);
});

/** What was found of each method: its kinds, in order. */
function found(truths: string, given: Parameters<typeof analyseYesNo>[1]) {
  const { findings } = analyseYesNo(truths, given);
  return findings.map(({ method, decoding, kind }) => `${decoding} ${method}: ${kind}`);
}

const truths = "yn".repeat(20);

test("without margins a gain has no control to be held against but apc", () => {
  const given = [
    { method: "regular", answers: "nn".repeat(20) },
    { method: "good", answers: truths },
  ];
  expect(found(truths, given)).toEqual(["greedy good: untried"]);
  const apc = { method: "apc", answers: `${"nn".repeat(19)}ny` };
  expect(found(truths, [...given, apc])).toEqual(["greedy good: beats-controls"]);
  const same = { method: "apc", answers: truths };
  const { findings } = analyseYesNo(truths, [...given, same]);
  expect(findings).toMatchObject([{ kind: "not-better-than-control" }]);
  expect(findings[0]!.comparisons.map(({ reference }) => reference)).toEqual(["regular", "apc"]);
  expect(findings[0]!.text).toMatch(
    /^good is better than regular: Accuracy \+50\.0 points \(95% interval .*\); but it is not shown to be better than apc: no difference shown between good and apc: Accuracy 0\.00 points/,
  );
});

test("a shift to yes is named by a control that was decoded, too, and only one to yes", () => {
  const given = (answers: string) => [
    { method: "regular", answers: "nn".repeat(20) },
    { method: "pba", answers: "yy".repeat(20) },
    { method: "shift", answers },
  ];
  const { findings } = analyseYesNo(truths, given("yy".repeat(20)));
  expect(findings.map(({ method, kind }) => [method, kind])).toEqual([
    ["shift", "yes-shift"],
    ["shift", "no-gain"],
  ]);
  expect(findings[0]!.text).toMatch(
    /^shift does what a shift to yes does: it answers yes more often \(.*\), and is not shown to be better than pba \(no difference shown between shift and pba/,
  );
  expect(found(truths, given(truths))).toEqual(["greedy shift: beats-controls"]);
  const no = [{ method: "regular", answers: "yy".repeat(20) }, ...given("nn".repeat(20)).slice(1)];
  // One answer more than regular's is no shift that is shown.
  expect(found(truths, given(`y${"n".repeat(39)}`))).toEqual(["greedy shift: no-gain"]);
  // Here `pba` changes nothing.
  expect(found(truths, no)).toEqual(["greedy pba: inactive", "greedy shift: no-gain"]);
});

test("a decoded control keeps its figures, but is in no test and costs the methods nothing", () => {
  const given = [
    { method: "regular", answers: `${"yn".repeat(16)}${"nn".repeat(4)}` },
    { method: "apc", answers: `${"yn".repeat(17)}${"nn".repeat(3)}` },
    { method: "good", answers: truths },
  ];
  const control = { method: "pba", answers: `${"yn".repeat(18)}${"yy".repeat(2)}` };
  const [without, beside] = [given, [...given, control]].map((all) => analyseYesNo(truths, all));
  expect(beside!.methods.at(-1)).toMatchObject({ method: "pba", n: 40 });
  expect(
    figuresTable({ ...beside!, judging: null, failures: { questions: 0, answers: [] } }).at(
      -1,
    )?.[0],
  ).toBe("pba (control)");
  expect(beside!.behaviour.at(-1)).toMatchObject({ method: "pba", comparisons: [] });
  expect(beside!.comparisons).toEqual(without!.comparisons);
  expect(beside!.transitions).toEqual(without!.transitions);
  expect(beside!.disagreements).toEqual(without!.disagreements);
});

test("where nobody looked at the scores, a method is idle only if all its answers are regular's", () => {
  const regular = { method: "regular", answers: truths };
  const given = (answers: string) => found(truths, [regular, { method: "idle", answers }]);
  expect(given(truths)).toEqual(["greedy idle: inactive"]);
  expect(given(`n${truths.slice(1)}`)).toEqual(["greedy idle: no-gain"]);
});

test("sampled answers that are no better than greedy ones are told so, and only they", () => {
  const greedy = { method: "regular", answers: truths };
  const sampled = { method: "regular", seed: 0, answers: "yyny".repeat(10) };
  const cooled = { method: "cooled", seed: 0, answers: `ny${truths.slice(2)}` };
  expect(found(truths, [greedy, sampled, cooled])).toEqual([
    "sampling cooled: cooler",
    "sampling cooled: not-better-than-control",
  ]);
  expect(found(truths, [sampled, cooled])).toEqual(["sampling cooled: untried"]);
});

test("a shift to what greedy answers mostly say is no lower temperature", () => {
  const greedy = { method: "regular", answers: "y".repeat(10) + "n".repeat(30) };
  const sampled = { method: "regular", seed: 0, answers: "yn".repeat(20) };
  // Like 30 of the 40 greedy answers, where regular's are like 20; but like none of those that say yes.
  const shift = { method: "shift", seed: 0, answers: "n".repeat(40) };
  expect(found(truths, [greedy, sampled, shift])).toEqual(["sampling shift: no-gain"]);
});

test("a finding says on what the threshold was chosen", () => {
  const given = [
    // Every yes is ahead of every no, but all below 0.
    {
      method: "regular",
      answers: "nn".repeat(20),
      margins: [...truths].map((t) => (t === "y" ? -1 : -3)),
    },
    { method: "shift", answers: `n${truths.slice(1)}` },
  ];
  const textOf = (threshold: number | null) => {
    const dev = { benchmark: "pope", rule: "first-word", promptSuffix: "", questions: 90 };
    const { findings, controls } = analyseYesNo(
      truths,
      given,
      2,
      threshold === null ? null : { ...dev, threshold },
    );
    return [controls[0]?.setting, findings.map(({ text }) => text).join("\n")];
  };
  const [halves, chosenOnHalves] = textOf(null);
  expect(halves).toContain("above -2.00 on one half of the images and -2.00 on the other");
  expect(chosenOnHalves).toContain(
    "not shown to be better than threshold chosen on the other half of the images: ",
  );
  const [dev, chosenOnDev] = textOf(-2.5);
  expect(dev).toContain("above -2.50, chosen on 90 dev questions");
  expect(chosenOnDev).toContain("not shown to be better than threshold chosen on dev questions: ");
  // A threshold that is bad here is beaten; it is none of these answers that it was chosen by.
  expect(textOf(0)[1]).toContain(
    "better than each control, too: threshold chosen on dev questions",
  );
});
