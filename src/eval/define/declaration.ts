import type {
  BenchmarkKind,
  Counts,
  MetricInfo,
  MetricValue,
  Question,
} from "../contract/benchmark.js";
import type { JudgeTask } from "../contract/judge-task.js";
import type { RowOf, RowReader } from "./row-shape.js";

/** What a rule makes of an answer, where there is more to say than what it read. */
export interface Reading {
  /** What was read, in words; null for nothing: the answer is unparsed then, unless `right` says otherwise. */
  readonly extracted: string | null;
  /** By default, whether `extracted` is the truth, in any case; null where there is no right and wrong. */
  readonly right?: boolean | null;
  /** Why, in a few words, for reports. */
  readonly explanation?: string;
  /** Counts of its own, for metrics; those of {@link CountedName} are counted already. */
  readonly counts?: Counts;
}

/**
 * What is counted of every answer: `answers` all of them; `asked` those that are right or wrong (an unparsed one is
 * wrong, a missing or unreadable verdict neither) and `correct` the right ones; `parsed` and `unparsed`; `unjudged` where
 * a judge gave no verdict. Where the truth is yes or no (kind `yes-no`) also `positives` and `negatives` by the truth, and
 * `tp`, `fp`, `tn`, `fn`.
 */
export type CountedName =
  | "answers"
  | "asked"
  | "correct"
  | "parsed"
  | "unparsed"
  | "unjudged"
  | "positives"
  | "negatives"
  | "tp"
  | "fp"
  | "tn"
  | "fn";

/** A scoring rule. */
export interface DeclaredRule<Row> {
  /**
   * Asks a judge instead of reading the answer. It is given the answer between two lines that mark it as nothing but
   * an answer, which the prompt should hold as they are. A verdict that `read` finds nothing in is asked for again.
   */
  readonly ask?: (answer: string, row: Row) => string | JudgeTask;
  /** Reads an answer, or with `ask` the judge's verdict: what it says, or null when it cannot be read. */
  readonly read: (text: string, row: Row) => string | null | Reading;
}

/** How a metric is shown. */
export type DeclaredMetricTexts = Partial<Omit<MetricInfo, "name">>;

/** One count divided by another; by default a share of which more is better. */
export interface DeclaredRatio extends DeclaredMetricTexts {
  /** Name of the count above the line. */
  readonly part: string;
  /** Name of the count below it. */
  readonly whole: string;
  /** Why the metric is undefined when `whole` is 0. */
  readonly undefinedReason?: string;
}

/** A figure computed from summed counts; by default a share of which more is better. */
export interface DeclaredFigure extends DeclaredMetricTexts {
  /** The figure, of the counts that are summed over the answers; null with a reason where there is none. */
  readonly of: (counts: Counts) => MetricValue;
}

/** What a model is asked about a row. */
export type DeclaredPrompt<Row> = (row: Row) => string;

/** A benchmark as its author writes it down, for `defineBenchmark`. */
export interface BenchmarkDeclaration<Reader extends RowReader, MetricName extends string> {
  readonly name: string;
  /** For reports; the name by default. */
  readonly title?: string;
  /** What its answers are like, which says what else is told of them; `open` by default. */
  readonly kind?: BenchmarkKind;
  /** Paper or place that the rules come from, for reports. */
  readonly source?: string;
  /** How a row of the question file is read. */
  readonly row: Reader;
  /** What else is wrong with a row, in words; null when nothing is. */
  readonly check?: (row: RowOf<Reader>) => string | null;
  /** What no two rows may share. */
  readonly id: (row: RowOf<Reader>) => string;
  /** File name inside the images folder; null where a row has none. Left out, no row has one. */
  readonly image?: (row: RowOf<Reader>) => string | null;
  /** What a model is asked; or variants of it by name, the first the default. */
  readonly prompt:
    | DeclaredPrompt<RowOf<Reader>>
    | Readonly<Record<string, DeclaredPrompt<RowOf<Reader>>>>;
  /** The truth in words; `yes` or `no` for kind `yes-no`. */
  readonly truth: (row: RowOf<Reader>) => string;
  /** Part of the breakdown in reports. */
  readonly group?: (row: RowOf<Reader>) => string | null;
  /** What an answer takes. */
  readonly tag?: (row: RowOf<Reader>) => Question["tag"];
  /** Answers of one cluster are not independent; the image by default, or the question where there is none. */
  readonly cluster?: (row: RowOf<Reader>) => string;
  /** Rules by name, the first the default. */
  readonly rules: Readonly<Record<string, DeclaredRule<RowOf<Reader>>>>;
  /** Metrics by snake_case name; accuracy by default, and POPE's for kind `yes-no`. */
  readonly metrics?: Readonly<Record<MetricName, DeclaredRatio | DeclaredFigure>>;
  /** The metric that comparisons between methods are about; the first by default. */
  readonly primary?: NoInfer<MetricName>;
  /** Longest answer to generate, in tokens; by default 16 for `yes-no`, 128 for `caption`, 64 for `open`. */
  readonly maxNewTokens?: number;
}
