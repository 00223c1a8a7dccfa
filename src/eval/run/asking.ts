import type { Method } from "../../index.js";
import type { Question } from "../contract/benchmark.js";
import type { AnswerRequest } from "./run-evaluation.js";

/** How questions are put, whoever answers them. */
export interface Asking {
  /** Methods by their name within the run. */
  readonly methods: ReadonlyMap<string, Method>;
  /** Where a question's image lies; null when it has none. */
  readonly imagePath: (request: AnswerRequest) => string | null;
  readonly promptSuffix: string;
  /** For series with a seed; greedy series have 0. */
  readonly temperature: number;
  readonly topP: number;
  /** Whether a question is one of yes or no, whose margin is kept. */
  readonly isYesNo: (question: Question) => boolean;
}
