import { expect, test } from "vitest";
import type { Question, Score } from "../../../src/eval/contract/benchmark.js";
import type { Answerer } from "../../../src/eval/run/run-evaluation.js";
import { RunningScore } from "../../../src/eval/run/running-score.js";

const question = (outcomeOf: (answer: string) => Score["outcome"]) =>
  ({ score: (answer: string) => ({ outcome: outcomeOf(answer) }) }) as unknown as Question;

test("counts right answers by method as they come, and leaves out what is neither right nor wrong", async () => {
  const yes = question((answer) => (answer === "Yes" ? "right" : "wrong"));
  const caption = question(() => null);
  const judged = question(() => "right");
  const score = new RunningScore(new Map([yes, caption].map((one) => [one, "rule"])));
  const texts = ["Yes", "No", "Yes", "anything", "anything"];
  const answerer: Answerer = async (requests, onAnswer) => {
    for (const i of requests.keys())
      onAnswer({ text: texts[i]!, ms: 1, decodeMs: 1, tokens: 1 }, i);
  };
  const asked = [
    ["regular", yes],
    ["regular", yes],
    ["vcd", yes],
    ["apc", caption],
    ["apc", judged],
  ] as const;
  const told: number[] = [];
  await score.listenTo(answerer)(
    asked.map(([method, one]) => ({
      question: one,
      series: { method, seed: null },
      maxTokens: 1,
    })),
    (_, index) => told.push(index),
    new AbortController().signal,
  );
  expect(score.right).toEqual({ regular: 0.5, vcd: 1 });
  expect(told).toEqual([0, 1, 2, 3, 4]);
});
