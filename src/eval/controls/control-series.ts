import type { AnsweredQuestion } from "../scoring/answer-matcher.js";
import type { StoredAnswer } from "../store/stored-rows.js";

/** The answers of one series, as controls are made of them. */
export interface SeriesAnswers {
  readonly method: string;
  /** Null for greedy decoding. */
  readonly seed: number | null;
  readonly answered: readonly AnsweredQuestion[];
  /** The same as they are stored, with what was seen of them; absent where nobody saw them being made. */
  readonly stored?: readonly StoredAnswer[];
}

/** Answers that a control makes of those of `regular`, without asking a model. */
export interface ControlSeries extends SeriesAnswers {
  /** The method that it is made alike to, such as in length; null for a control of all methods. */
  readonly matchedTo: string | null;
  /** How it was set, in words. */
  readonly setting: string;
  /** Where it has a setting that was chosen, on what. */
  readonly chosenOn?: string;
}
