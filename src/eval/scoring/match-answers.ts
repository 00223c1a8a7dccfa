import { DatasetError } from "../../errors.js";
import type { Benchmark, DataFile, Question } from "../contract/benchmark.js";
import { listed } from "../data/parse-rows.js";
import { type AnswerRow, readAnswers } from "../data/read-answers.js";

/** An answer with what it is an answer to. */
export interface AnsweredQuestion {
  readonly question: Question;
  readonly answer: string;
  readonly verdict: string | null;
}

/** Finds a question by the identifier that an answer file gives it. */
function finderOf(benchmark: Benchmark, questions: readonly Question[]) {
  const byId = new Map(questions.map((question) => [question.id, question]));
  return (id: string): Question | undefined =>
    byId.get(id) ?? byId.get(benchmark.questionId?.(id) ?? id);
}

/**
 * The answers of a file to these questions.
 *
 * @throws DatasetError naming file and line of everything that is wrong with the file, answers without
 *   question among it
 */
export function readAnswersTo(
  benchmark: Benchmark,
  questions: readonly Question[],
  file: DataFile,
): AnswerRow[] {
  const find = finderOf(benchmark, questions);
  return readAnswers(file, (id) => find(id) !== undefined);
}

/**
 * Answers with their questions.
 *
 * @throws DatasetError naming answers without question and, unless allowed, questions without answer
 */
export function matchAnswers(
  benchmark: Benchmark,
  questions: readonly Question[],
  answers: readonly AnswerRow[],
  allowMissing: boolean,
): AnsweredQuestion[] {
  if (answers.every(({ id }) => id === null)) return matchByOrder(questions, answers);
  const find = finderOf(benchmark, questions);
  const problems: string[] = [];
  const matched = answers.flatMap(({ id, text, verdict, where }) => {
    const question = id === null ? undefined : find(id);
    if (question !== undefined) return [{ question, answer: text, verdict }];
    problems.push(`${where}: ${id === null ? "no id" : `id ${id} is not in the truth file`}`);
    return [];
  });
  if (problems.length > 0) throw new DatasetError(listed(problems));
  const mayMiss = allowMissing || benchmark.truthIsSuperset === true;
  if (!mayMiss && matched.length < questions.length) {
    const have = new Set(matched.map(({ question }) => question.id));
    const missing = questions.filter(({ id }) => !have.has(id));
    throw new DatasetError(
      `${missing.length} of ${questions.length} questions have no answer, first ${missing[0]?.id.slice(0, 60)} ` +
        `(${missing[0]?.where}); allow this with --partial`,
    );
  }
  return matched;
}

function matchByOrder(
  questions: readonly Question[],
  answers: readonly AnswerRow[],
): AnsweredQuestion[] {
  if (answers.length !== questions.length) {
    throw new DatasetError(
      `answers without id are matched by order: received ${answers.length} answers for ` +
        `${questions.length} questions; expected as many`,
    );
  }
  return answers.flatMap(({ text, verdict }, index) => {
    const question = questions[index];
    return question === undefined ? [] : [{ question, answer: text, verdict }];
  });
}
