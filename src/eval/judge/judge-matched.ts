import { InferenceError, InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import type { JudgeTask } from "../contract/judge-task.js";
import type { AnsweredQuestion } from "../scoring/answer-matcher.js";
import { isJudged } from "../scoring/benchmark-rules.js";
import type { Judge } from "./judge.js";
import {
  type JudgeAnswersOptions,
  type JudgeTally,
  judgeAnswers,
  tallyText,
} from "./judge-answers.js";

/** A judge with how it is used. */
export interface JudgeSetup extends JudgeAnswersOptions {
  readonly judge: Judge;
}

/**
 * Fills in the verdicts that a rule needs and the answers do not have. Returns the answers as they are
 * when the rule needs none.
 *
 * @throws InvalidArgumentError when verdicts are missing and there is no judge
 * @throws InferenceError when the judge gave none, and no answer had one: there is nothing to score
 */
export async function judgeMatched(
  benchmark: Benchmark,
  rule: string,
  answered: readonly AnsweredQuestion[],
  setup: JudgeSetup | null,
): Promise<{ answered: readonly AnsweredQuestion[]; tally: JudgeTally | null }> {
  if (!isJudged(benchmark, rule)) return { answered, tally: null };
  const missing = answered.filter(({ verdict }) => verdict === null);
  if (missing.length === 0) return { answered, tally: null };
  if (setup === null) throw missingJudge(benchmark, rule);
  const tasks = missing.flatMap(({ question, answer }): JudgeTask[] => {
    const task = question.judgeTask?.(answer, rule);
    return task === undefined ? [] : [task];
  });
  const { verdicts, tally } = await judgeAnswers(setup.judge, tasks, setup);
  if (missing.length === answered.length && verdicts.every((verdict) => verdict === null)) {
    throw new InferenceError(
      `no verdict for ${benchmark.name}: ${tallyText(tally)}; check --judge-url, --judge-model and the key, then run again`,
    );
  }
  const given = new Map(missing.map((one, index) => [one, verdicts[index] ?? null]));
  return {
    answered: answered.map((one) =>
      given.has(one) ? { ...one, verdict: given.get(one) ?? null } : one,
    ),
    tally,
  };
}

/** The error for a rule that needs verdicts where there is no judge, with the way out. */
export function missingJudge(benchmark: Benchmark, rule: string): InvalidArgumentError {
  const other = benchmark.rules.find((name) => !isJudged(benchmark, name));
  return new InvalidArgumentError(
    `rule ${rule} of ${benchmark.name} needs a judge: give --judge-model` +
      (other === undefined ? "" : `, or use --rule ${other}`),
  );
}
