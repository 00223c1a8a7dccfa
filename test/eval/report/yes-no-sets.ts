import { pope } from "../../../src/eval/benchmarks/pope.js";
import type { Question } from "../../../src/eval/contract/benchmark.js";
import type { DevThreshold } from "../../../src/eval/store/tuned.js";
import { analysed } from "../analysed.js";

const WORDS: Readonly<Record<string, string>> = { y: "Yes", n: "No", "?": "A dog." };

/** Questions with these truths, some about each image. */
function questionsOf(truths: readonly string[], perImage: number): Question[] {
  const rows = truths.map((truth, i) => ({
    question_id: i,
    image: `${Math.floor(i / perImage)}.png`,
    text: "Is it?",
    label: truth === "y" ? "yes" : "no",
  }));
  return pope.load({ data: { name: "q", text: JSON.stringify(rows) }, truth: null });
}

/** A series of answers: which method, which seed, and its answer to each question. */
export interface Given {
  readonly method: string;
  readonly seed?: number | null;
  readonly answers: string;
  /** How far yes is ahead of no, where somebody saw it. */
  readonly margins?: readonly number[];
}

/** The analysis of yes/no questions: one letter a question (`y`, `n`, `?`), by the rule `first-word`. Two are about each image by default. */
export function analyseYesNo(
  truths: string,
  given: readonly Given[],
  perImage = 2,
  devThreshold: DevThreshold | null = null,
): ReturnType<typeof analysed> {
  const questions = questionsOf([...truths], perImage);
  return analysed(
    { name: "set", benchmark: pope, rule: "first-word", devThreshold },
    given.map(({ method, seed = null, answers, margins }) => ({
      method,
      seed,
      answered: questions.map((question, i) => ({
        question,
        answer: WORDS[answers[i]!]!,
        verdict: null,
      })),
      ...(margins === undefined
        ? {}
        : {
            stored: questions.map(({ id }, i) => ({
              ...{ set: "set", id, method, seed, text: WORDS[answers[i]!]! },
              margin: margins[i]!,
            })),
          }),
      timings: [],
    })),
  );
}
