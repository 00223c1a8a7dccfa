import type { Benchmark, DataFile, Question } from "../contract/benchmark.js";
import { type Fault, withoutFaults } from "../data/parse-rows.js";
import { type AnswerRow, answerRows, answersFrom } from "../data/read-answers.js";
import { textSources } from "../data/text-source.js";
import { type AnsweredQuestion, AnswerMatcher, type LeftOut } from "./answer-matcher.js";

/** Answers with their questions, and what was left out. */
export interface MatchedAnswers {
  readonly answered: readonly AnsweredQuestion[];
  readonly leftOut: LeftOut;
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
  const rows = answerRows(file);
  const whereOf = placeIn(rows);
  const matcher = new AnswerMatcher(benchmark, questions, { mayLackAnswers: true }, whereOf);
  for (const [place, row] of rows.entries()) matcher.match(row, place);
  if (rows.some((row) => "fault" in row || row.id !== null)) matcher.end();
  return withoutFaults(rows);
}

/**
 * Answers of one series with their questions.
 *
 * @param allowMissing leave out questions without answer and answers without question, and count them
 * @throws DatasetError naming answers without question and questions without answer, unless allowed
 */
export function matchAnswers(
  benchmark: Benchmark,
  questions: readonly Question[],
  answers: readonly AnswerRow[],
  allowMissing: boolean,
): MatchedAnswers {
  const options = { mayLackAnswers: allowMissing, mayLackQuestions: allowMissing };
  const matcher = new AnswerMatcher(benchmark, questions, options, placeIn(answers));
  const answered = answers.flatMap(
    (row, place) => matcher.match({ ...row, series: null }, place) ?? [],
  );
  const leftOut = matcher.end().get(null);
  return {
    answered,
    leftOut: leftOut ?? { withoutAnswer: questions.length, withoutQuestion: 0 },
  };
}

function placeIn(rows: readonly (AnswerRow | Fault)[]): (place: number) => string {
  return (place) => {
    const row = rows[place];
    return row !== undefined && "where" in row ? row.where : "";
  };
}

/** What {@link matchFile} does with an answer. */
export type TakeAnswer = (answered: AnsweredQuestion, series: string | null) => void;

/** Below 2^53 in all, with the number of the file above. */
const MOST_LINES = 2 ** 40;

/**
 * Reads the answers of a file or folder piece by piece and hands each on with its question, so that a file of any
 * length needs the memory of its questions.
 *
 * @param allowMissing leave out questions without answer and answers without question, and count them
 * @returns what was left out of each series, in order of first appearance
 * @throws DatasetError naming file and line of all that is wrong
 */
export async function matchFile(
  benchmark: Benchmark,
  questions: readonly Question[],
  path: string,
  allowMissing: boolean,
  take: TakeAnswer,
): Promise<Map<string | null, LeftOut>> {
  const sources = await textSources(path);
  const whereOf = (place: number) =>
    `${sources[Math.floor(place / MOST_LINES)]?.name} answer ${(place % MOST_LINES) + 1}`;
  const options = { mayLackAnswers: allowMissing, mayLackQuestions: allowMissing };
  const matcher = new AnswerMatcher(benchmark, questions, options, whereOf);
  for (const [file, source] of sources.entries()) {
    let number = 0;
    for await (const rows of answersFrom(source)) {
      for (const row of rows) {
        const answered = matcher.match(row, file * MOST_LINES + number);
        number++;
        if (answered !== null) take(answered, "series" in row ? row.series : null);
      }
    }
  }
  return matcher.end();
}
