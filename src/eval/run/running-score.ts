import type { Question } from "../contract/benchmark.js";
import type { Answerer } from "./run-evaluation.js";

/** Counts right answers as they come, to be shown while a run goes on; captions and judged answers have no such count. */
export class RunningScore {
  readonly #tallies = new Map<string, { right: number; told: number }>();
  readonly #rules: ReadonlyMap<Question, string>;

  /** @param rules the rule that each question's answer is scored by */
  constructor(rules: ReadonlyMap<Question, string>) {
    this.#rules = rules;
  }

  /** Share of right answers by method; a method without any is left out. */
  get right(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#tallies].map(([name, { right, told }]) => [name, right / told]),
    );
  }

  /** The same answerer, listened to. */
  listenTo(answerer: Answerer): Answerer {
    return (requests, onAnswer, signal) =>
      answerer(
        requests,
        (answer, index) => {
          const { question, series } = requests[index]!;
          if ("text" in answer) this.#count(series.method, question, answer.text);
          onAnswer(answer, index);
        },
        signal,
      );
  }

  #count(method: string, question: Question, answer: string): void {
    const rule = this.#rules.get(question);
    if (rule === undefined) return;
    const { outcome } = question.score(answer, { rule, verdict: null });
    if (outcome === null) return;
    const { right, told } = this.#tallies.get(method) ?? { right: 0, told: 0 };
    this.#tallies.set(method, { right: right + (outcome === "right" ? 1 : 0), told: told + 1 });
  }
}
