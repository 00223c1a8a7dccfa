import { describe, expect, test } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import type { Question } from "../../../src/eval/contract/benchmark.js";
import type { SeriesAnswers } from "../../../src/eval/controls/control-series.js";
import { deriveControls } from "../../../src/eval/controls/derive-controls.js";
import { olmAnswer } from "../../../src/eval/controls/olm.js";
import { bestThreshold, halfOf, thresholdAnswers } from "../../../src/eval/controls/threshold.js";
import type { Observations } from "../../../src/eval/store/stored-rows.js";

const pope = benchmarkNamed("pope");

/** Questions about these images, each with its truth. */
function questionsOf(rows: readonly (readonly [image: string, label: "yes" | "no"])[]): Question[] {
  const text = rows.map(([image, label], i) =>
    JSON.stringify({ question_id: i, image, text: "Is it?", label }),
  );
  return pope.load({ data: { name: "q", text: text.join("\n") }, truth: null });
}

/** A greedy series with what was seen of each answer. */
function series(
  method: string,
  questions: readonly Question[],
  answers: readonly string[],
  seen: readonly Observations[] = [],
): SeriesAnswers {
  return {
    method,
    seed: null,
    answered: questions.map((question, i) => ({ question, answer: answers[i]!, verdict: null })),
    stored: questions.map(({ id }, i) => ({
      ...{ set: "set", id, method, seed: null, text: answers[i]! },
      ...seen[i],
    })),
  };
}

describe("olm", () => {
  test.each([
    ["a close call is a yes, also where no is ahead", 0.4, 0.5, "Yes"],
    ["0.55 apart", 0.2, 0.75, "No"],
    ["0.45 apart", 0.2, 0.65, "Yes"],
    ["yes and no have 0.15 together", 0.05, 0.1, "No"],
  ])("hand-worked: %s", (_, yes, no, answer) => {
    expect(olmAnswer("No", Math.log(yes / no), yes + no)).toBe(answer);
  });
});

describe("threshold", () => {
  const questions = questionsOf([
    ["a", "no"],
    ["a", "yes"],
    ["a", "yes"],
    ["a", "yes"],
  ]);
  const at = (...margins: number[]) =>
    margins.map((margin, i) => ({ question: questions[i]!, margin }));

  test("hand-worked: above -2.5 all four are right, above 0 two of four", () => {
    expect(bestThreshold(pope, "pope", at(-3, -2, -1, 1))).toBe(-2.5);
  });

  test("of equally good ones it is that nearest to 0, where the model decides itself", () => {
    // Above 2 or anything from there to -3 all is right.
    expect(bestThreshold(pope, "pope", at(-3, 2, 4, 5))).toBe(0);
    // Equal margins cannot be told apart: yes to all is right in three of four.
    expect(bestThreshold(pope, "pope", at(1, 1, 1, 1))).toBe(0);
    expect(bestThreshold(pope, "pope", at(-1, -1, -1, -1))).toBe(-2);
  });

  test("each half of the images is answered by what is best on the other", () => {
    const names = Array.from({ length: 40 }, (_, i) => `${i}.png`);
    const [first] = names.filter((name) => halfOf(name) === 0);
    const [second] = names.filter((name) => halfOf(name) === 1);
    const asked = questionsOf([
      [first!, "yes"],
      [first!, "no"],
      [second!, "yes"],
      [second!, "no"],
    ]);
    // On the first half -1 is best, on the second 2.
    const margins = [0, -2, 3, 1].map((margin, i) => ({ question: asked[i]!, margin }));
    const made = thresholdAnswers(pope, "pope", margins)!;
    expect(made.thresholds).toEqual([2, -1]);
    expect(made.answered.map(({ answer }) => answer)).toEqual(["No", "No", "Yes", "Yes"]);
  });

  test("there is none where all images lie in one half, or a margin is not known", () => {
    expect(thresholdAnswers(pope, "pope", at(-3, -2, -1, 1))).toBeNull();
    const rows = questionsOf(["0", "1", "2", "3", "4", "5", "6", "7"].map((i) => [i, "yes"]));
    const words = rows.map(() => "Yes");
    const known = rows.map(() => ({ margin: 1, mass: 1 }));
    const made = (seen: readonly Observations[]) =>
      deriveControls(pope, "pope", [series("regular", rows, words, seen)]).map((one) => one.method);
    expect(made(known)).toEqual(["threshold", "olm"]);
    const dev = { benchmark: "pope", rule: "pope", promptSuffix: "", questions: 6, threshold: 1 };
    const regular = series("regular", rows, words, known);
    const [given] = deriveControls(pope, "pope", [regular], dev);
    expect(given).toMatchObject({ method: "threshold", chosenOn: "dev questions" });
    expect(given!.answered.map(({ answer }) => answer)).toEqual(rows.map(() => "No"));
    expect(made(known.slice(1))).toEqual([]);
  });
});

describe("captions cut to equal length", () => {
  const chair = benchmarkNamed("chair");
  const questions = chair.load({
    data: null,
    truth: { name: "t", text: JSON.stringify({ "0.png": ["dog"], "1.png": ["dog"] }) },
  });

  test("hand-worked: regular's captions with as many words as a method's; not for one as long", () => {
    const whole = ["A dog,  a cat and a bus.", "A dog."];
    const made = deriveControls(chair, "chair", [
      series("regular", questions, whole),
      series("short", questions, ["One brown dog sits", ""]),
      series("long", questions, ["A dog and a cat and a bus and a train.", "A dog too."]),
    ]);
    expect(made).toMatchObject([{ method: "cut to short", matchedTo: "short", seed: null }]);
    expect(made[0]!.answered.map(({ answer }) => answer)).toEqual(["A dog,  a cat", ""]);
  });
});

test("where a judge decides, answers that nobody gave are not made", () => {
  const rubric = benchmarkNamed("hallusionbench");
  expect(deriveControls(rubric, "judge", [])).toEqual([]);
});
