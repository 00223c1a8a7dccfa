import type { MetricInfo, MetricValue, Question, Score } from "../contract/benchmark.js";
import type { JudgeTally } from "../judge/judge-answers.js";
import type { Interval } from "../statistics/cluster-bootstrap.js";
import type { Comparison } from "../statistics/compare-methods.js";
import type { SeedSpread } from "../statistics/seed-spread.js";
import type { RunSettings } from "../store/run-settings.js";
import type { StoredFailure } from "../store/stored-rows.js";

/** How answers were decoded. */
export type Decoding = "greedy" | "sampling";

/** A metric's value with how sure it is. */
export interface Figure {
  readonly value: MetricValue;
  readonly interval: Interval | null;
  /** Over sampling seeds, or draws of noise; null for greedy decoding with one draw. */
  readonly spread: SeedSpread | null;
}

/** A method's figures on one set. */
export interface MethodFigures {
  readonly method: string;
  readonly decoding: Decoding;
  /** Of sampling; `[null]` for greedy decoding. */
  readonly seeds: readonly (number | null)[];
  /** Answers to each question: one for each seed, or for each draw of noise under greedy decoding. */
  readonly draws: number;
  /** Answers scored, all seeds or draws together. */
  readonly n: number;
  readonly unparsed: number;
  /** By metric name. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** Part of the set, for example object, attribute, relation. */
  readonly groups: readonly GroupFigures[];
  /** What decoding cost; null when no times of decoding are stored. */
  readonly cost: DecodingCost | null;
}

/**
 * What decoding cost, without what comes before the first token: the image, the prompt and what a method
 * prepares may be shared with answers given before, and then say who came first.
 */
export interface DecodingCost {
  /** Median over answers of the time from the first token to the end, divided by the answer's tokens. */
  readonly msPerToken: number;
  /** Most answers that were decoded together. A step's time counts fully for each of them. */
  readonly batch: number;
}

/** A method's figures on the questions of one group. */
export interface GroupFigures {
  readonly group: string;
  readonly n: number;
  readonly values: Readonly<Record<string, MetricValue>>;
}

/** One method's answer to a question, with its score. */
export interface ShownAnswer {
  readonly method: string;
  readonly text: string;
  readonly outcome: Score["outcome"];
  readonly explanation: string;
}

/** A question on which methods disagree. */
export interface Disagreement {
  /** The answers are those of the first seed or draw. */
  readonly decoding: Decoding;
  readonly question: Pick<Question, "id" | "image" | "prompt" | "truth">;
  readonly answers: readonly ShownAnswer[];
}

/** A comparison with its verdict in words. */
export interface JudgedComparison extends Comparison {
  readonly decoding: Decoding;
  readonly verdict: string;
}

/** What could not be had of a set. */
export interface SetFailures {
  /** Questions with a failed answer. They are left out for every method. */
  readonly questions: number;
  readonly answers: readonly StoredFailure[];
}

/** All figures of one set. */
export interface SetAnalysis {
  readonly name: string;
  readonly benchmark: string;
  /** Title and source of the benchmark. */
  readonly title: string;
  readonly source: string;
  readonly rule: string;
  readonly metrics: readonly MetricInfo[];
  /** The metric that comparisons are about; one of `metrics`. */
  readonly primaryMetric: MetricInfo;
  readonly questions: number;
  readonly images: number;
  /** Images on which the primary metric has a value: colours, for example, are not asked of all. */
  readonly primaryImages: number;
  readonly methods: readonly MethodFigures[];
  readonly comparisons: readonly JudgedComparison[];
  readonly disagreements: readonly Disagreement[];
  readonly failures: SetFailures;
  /** How the judging went; null when the rule needs no judge. */
  readonly judging: JudgeTally | null;
}

/** All figures of a run. */
export interface RunAnalysis {
  readonly settings: RunSettings;
  readonly sets: readonly SetAnalysis[];
}
