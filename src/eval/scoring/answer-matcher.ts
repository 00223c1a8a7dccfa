import { DatasetError } from "../../errors.js";
import type { Benchmark, Question } from "../contract/benchmark.js";
import { type Fault, Problems } from "../data/parse-rows.js";
import { type AnswerRow, repeatedAnswer } from "../data/read-answers.js";

/** An answer with what it is an answer to. */
export interface AnsweredQuestion {
  readonly question: Question;
  readonly answer: string;
  readonly verdict: string | null;
}

/** What was left out of the figures. */
export interface LeftOut {
  /** Questions that have no answer. */
  readonly withoutAnswer: number;
  /** Answers to questions that are not asked. */
  readonly withoutQuestion: number;
}

/** What may be left out; nothing by default. */
export interface MatchOptions {
  readonly mayLackAnswers?: boolean;
  readonly mayLackQuestions?: boolean;
}

/** What is known of the answers of one series. */
interface SeriesState {
  /** By question: the place of its answer, plus 1; 0 for none. */
  readonly places: Float64Array;
  answers: number;
  matched: number;
  withoutQuestion: number;
  /** The first of those without question. */
  readonly strangers: AnswerRow[];
}

/** So many identifiers are shown where none fits. */
const SHOWN_IDS = 3;

/**
 * Finds the questions of answers as they come, by identifier, or by order where the first answer has none. Of an
 * answer it keeps a number, so that a million of them can go by; what is wrong is told at the end, all at once.
 */
export class AnswerMatcher {
  readonly #benchmark: Benchmark;
  readonly #questions: readonly Question[];
  readonly #options: MatchOptions;
  readonly #whereOf: (place: number) => string;
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #series = new Map<string | null, SeriesState>();
  readonly #problems = new Problems();
  #unknown = 0;
  #byOrder: boolean | null = null;

  /** @param whereOf an answer's place in words, from the number given with it */
  constructor(
    benchmark: Benchmark,
    questions: readonly Question[],
    options: MatchOptions,
    whereOf: (place: number) => string,
  ) {
    this.#benchmark = benchmark;
    this.#questions = questions;
    this.#options = options;
    this.#whereOf = whereOf;
    this.#indexes = new Map(questions.map(({ id }, index) => [id, index]));
  }

  /**
   * The answer with its question; null when it has none, or something is wrong with it.
   *
   * @param place a number of its own for each answer, at least 0
   */
  match(row: AnswerRow | Fault, place: number): AnsweredQuestion | null {
    if ("fault" in row) return this.#refuse(row.fault);
    this.#byOrder ??= row.id === null;
    if (this.#byOrder !== (row.id === null)) {
      const problem = row.id === null ? "no id" : `id ${row.id}, but the rows before have none`;
      return this.#refuse(`${row.where}: ${problem}`);
    }
    const series = this.#stateOf(row.series);
    const index = row.id === null ? series.answers : this.#indexOf(row.id);
    series.answers++;
    const question = index === undefined ? undefined : this.#questions[index];
    if (index === undefined || question === undefined) return this.#unasked(row, series);
    const earlier = series.places[index] ?? 0;
    if (earlier > 0) return this.#refuse(repeatedAnswer(row, this.#whereOf(earlier - 1)));
    series.places[index] = place + 1;
    series.matched++;
    return { question, answer: row.text, verdict: row.verdict };
  }

  /**
   * What was left out of each series, in order of first appearance.
   *
   * @throws DatasetError with all that is wrong with the answers, else when some are missing that may not
   */
  end(): Map<string | null, LeftOut> {
    const onlyUnknown = this.#unknown === this.#problems.total;
    if (this.#series.size === 0) {
      this.#byOrder = true;
      this.#stateOf(null);
    }
    const all = [...this.#series.values()];
    if (onlyUnknown && this.#unknown > 0 && all.every(({ matched }) => matched === 0)) {
      throw this.#nothingMatched(all[0]!);
    }
    this.#problems.refuse(onlyUnknown ? "\nleave such answers out with --partial" : "");
    return new Map([...this.#series].map(([name, state]) => [name, this.#leftOut(state)]));
  }

  #refuse(problem: string): null {
    this.#problems.add(problem);
    return null;
  }

  #stateOf(name: string | null): SeriesState {
    const known = this.#series.get(name);
    if (known !== undefined) return known;
    const places = new Float64Array(this.#questions.length);
    const state = { places, answers: 0, matched: 0, withoutQuestion: 0, strangers: [] };
    this.#series.set(name, state);
    return state;
  }

  #indexOf(id: string): number | undefined {
    return this.#indexes.get(id) ?? this.#indexes.get(this.#benchmark.questionId?.(id) ?? id);
  }

  #unasked(row: AnswerRow, series: SeriesState): null {
    const { id, where } = row;
    series.withoutQuestion++;
    if (series.strangers.length < SHOWN_IDS) series.strangers.push(row);
    if (id === null || this.#options.mayLackQuestions === true) return null;
    this.#unknown++;
    return this.#refuse(`${where}: id ${id} is not in the truth file`);
  }

  #leftOut(state: SeriesState): LeftOut {
    const { places, answers, matched, withoutQuestion } = state;
    const asked = this.#questions.length;
    if (this.#byOrder === true && answers !== asked) {
      throw new DatasetError(
        `answers without id are matched by order: received ${answers} answers for ` +
          `${asked} questions; expected as many`,
      );
    }
    if (matched === 0 && answers > 0) throw this.#nothingMatched(state);
    const mayLack =
      this.#options.mayLackAnswers === true || this.#benchmark.truthIsSuperset === true;
    if (!mayLack && matched < asked) {
      const first = this.#questions[places.indexOf(0)];
      throw new DatasetError(
        `${asked - matched} of ${asked} questions have no answer, first ${first?.id.slice(0, 60)} ` +
          `(${first?.where}); allow this with --partial`,
      );
    }
    return { withoutAnswer: asked - matched, withoutQuestion };
  }

  /** Nothing is left to score: these are answers to other questions, or identifiers of another kind. */
  #nothingMatched({ answers, strangers }: SeriesState): DatasetError {
    const series = strangers[0]?.series ?? null;
    const whose = series === null ? "" : ` of ${series}`;
    return new DatasetError(
      `none of ${answers} answers${whose} belongs to one of ${this.#questions.length} questions: ` +
        `answers have the ids ${idsOf(strangers)}; questions have ${idsOf(this.#questions)}. ` +
        "Give the truth that these answers are for, or the questions' ids",
    );
  }
}

/** The first identifiers with the place of the first, for example `1, 2, 3 (first: answers.jsonl line 1)`. */
function idsOf(rows: readonly { readonly id: string | null; readonly where: string }[]): string {
  const ids = rows.slice(0, SHOWN_IDS).map(({ id }) => id?.slice(0, 60));
  return ids.length === 0 ? "none" : `${ids.join(", ")} (first: ${rows[0]?.where})`;
}
