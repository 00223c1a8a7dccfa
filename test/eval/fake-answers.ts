import { pope } from "../../src/eval/benchmarks/pope.js";
import type { Question } from "../../src/eval/contract/benchmark.js";
import {
  type Answerer,
  type PlannedSet,
  type RunOptions,
  runEvaluation,
} from "../../src/eval/run/run-evaluation.js";
import { AnswerStore } from "../../src/eval/store/answer-store.js";
import type { RunSettings } from "../../src/eval/store/run-settings.js";
import type { SeriesSettings } from "../../src/eval/store/series.js";

export const series: SeriesSettings[] = [
  { method: "regular", settings: {}, seed: null },
  { method: "vcd", settings: { alpha: 1 }, seed: 0 },
];
export const settings: RunSettings = {
  version: "0.1.0",
  model: { id: "fake", hash: "abc", dtype: "fp32" },
  promptSuffix: "",
  temperature: 1,
  topP: 1,
  sets: [],
  series,
};
const rows = Array.from({ length: 5 }, (_, i) =>
  JSON.stringify({ question_id: i, image: `${i}.png`, text: "Is there a dog?", label: "no" }),
);
export const questions: Question[] = pope.load({
  data: { name: "q", text: rows.join("\n") },
  truth: null,
});
export const sets: PlannedSet[] = [{ name: "pope", questions, maxTokens: 4 }];

/** Answers in reverse order, to test that the store keeps the order of the questions. */
export function fake(asked: string[] = []): Answerer {
  return async (requests, onAnswer) => {
    for (let i = requests.length - 1; i >= 0; i--) {
      const { question, series: one } = requests[i]!;
      asked.push(`${question.id} ${one.method}`);
      onAnswer({ text: `${question.id} by ${one.method}`, ms: 1, decodeMs: 1, tokens: 1 }, i);
    }
  };
}

export interface SmallRunOptions extends RunOptions {
  readonly retryFailed?: boolean;
}

/** Runs {@link sets} with all {@link series} into a folder, two questions at a time. */
export async function runInto(
  folder: string,
  answerer: Answerer,
  { retryFailed = false, ...options }: SmallRunOptions = {},
): Promise<void> {
  const store = await AnswerStore.open(folder, settings, { retryFailed });
  try {
    await runEvaluation(sets, series, answerer, store, { batchSize: 2, ...options });
  } finally {
    await store.close();
  }
}
