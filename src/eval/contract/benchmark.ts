import type { JudgeTask } from "./judge-task.js";

/** Sums that metrics are computed from, by name. Counts of several answers add up. */
export type Counts = Readonly<Record<string, number>>;

/** What answers are like: `yes-no` questions, `caption`s of images, or anything else (`open`). */
export type BenchmarkKind = "yes-no" | "caption" | "open";

/**
 * Where a yes/no answer stands in the table of confusion: true or false, and yes (positive) or no (negative).
 * `yes` is the positive answer, whatever a benchmark's own metrics take for the positive class.
 */
export type Cell = "tp" | "fp" | "tn" | "fn";

/** What a rule made of one answer. */
export interface Score {
  /**
   * `unparsed`: the rule found no answer in the text. Counted and shown apart; the counts say what the
   * authors' evaluator makes of it. `null`: the benchmark has no right and wrong for one answer.
   */
  readonly outcome: "right" | "wrong" | "unparsed" | null;
  /** What the rule read out of the text, for example `yes`; null when nothing. */
  readonly extracted: string | null;
  /** Why, in a few words, for example the objects that were hallucinated. */
  readonly explanation: string;
  /** Of a yes/no answer that could be read, its {@link Cell} is 1 among them. */
  readonly counts: Counts;
}

/** What a score may depend on besides the answer. */
export interface ScoringContext {
  /** One of the benchmark's rules. */
  readonly rule: string;
  /** A judge's words about this answer; null when there is no judge or it failed. */
  readonly verdict: string | null;
}

/** One question of a benchmark: what the model is asked and how its answer is scored. */
export interface Question {
  /** Unique within the benchmark's file. */
  readonly id: string;
  /** File name of the image inside the images folder; null when the question has none. */
  readonly image: string | null;
  /** Text for the model, without chat template. */
  readonly prompt: string;
  /** Answers of one cluster are not independent; the bootstrap draws clusters. Usually the image. */
  readonly cluster: string;
  /** Part of the breakdown, for example object, attribute, relation, or MME's category; null for none. */
  readonly group: string | null;
  /** What an answer takes; left out where nobody has said. Figures are told for each. */
  readonly tag?: "recognition" | "perception" | "knowledge" | "reasoning";
  /** The truth in words, for reports. */
  readonly truth: string;
  /** Place in the data file, for messages. */
  readonly where: string;
  /** What a judge is asked about an answer, for rules that need one. */
  readonly judgeTask?: (answer: string, rule: string) => JudgeTask;
  /** Scores an answer by one of the benchmark's rules. */
  readonly score: (answer: string, context: ScoringContext) => Score;
}

/** A metric's value, or why it has none. An undefined metric is never 0. */
export type MetricValue =
  | { readonly value: number; readonly reason?: undefined }
  | { readonly value: null; readonly reason: string };

/** What a figure is called and how it is read. */
export interface MetricInfo {
  /** snake_case, as printed in JSON. */
  readonly name: string;
  readonly title: string;
  /** `share` lies in 0..1; `percent` in 0..100; others are plain numbers. */
  readonly unit: "share" | "percent" | "points" | "words" | "count";
  readonly better: "higher" | "lower" | "neither";
}

/** A figure computed from summed counts. */
export interface Metric extends MetricInfo {
  /** The metric of counts that were added up. */
  readonly of: (counts: Counts) => MetricValue;
  /**
   * Of a figure that is summed over parts of the benchmark, as MME's over its categories: the part that a cluster is of,
   * by its counts. Clusters are drawn within each part then, so that no draw lacks one; with a single cluster in a part
   * that counts there is no interval.
   */
  readonly stratum?: (counts: Counts) => string;
}

/** A data file, already read. */
export interface DataFile {
  /** For messages. */
  readonly name: string;
  /** Of a folder, the texts of its files, one behind the other. */
  readonly text: string;
  /** What a line of the text is called in messages; `line` by default. The rows of tables are lines of JSON. */
  readonly unit?: "line" | "row";
  /** The files of a folder with several, by name. */
  readonly parts?: readonly DataFile[];
}

/** Text of the data file (questions) and of the truth file where the format keeps them apart. */
export interface BenchmarkFiles {
  readonly data: DataFile | null;
  readonly truth: DataFile | null;
}

/**
 * A benchmark: records, prompt, parse and score, as a value. Everything that runs, scores or reports takes
 * such values; only the command line looks them up by name.
 */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** What its answers are like, which says what else is told of them; `open` by default. */
  readonly kind?: BenchmarkKind;
  /** Paper and evaluator the rules follow. */
  readonly source: string;
  /** Named scoring rules; the first is the default: the authors' one as far as it runs offline. */
  readonly rules: readonly [string, ...string[]];
  /** Rules that need a judge's verdict; none by default. */
  readonly judgedRules?: readonly string[];
  readonly metrics: readonly Metric[];
  /** Name of the metric that comparisons between methods are about. */
  readonly primaryMetric: string;
  /**
   * Of captions: the metrics between which a caption's length chooses. The longer a caption, the more it finds, and
   * the more it invents.
   */
  readonly tradeOff?: { readonly recall: string; readonly hallucination: string };
  /**
   * Where a benchmark is about what a model can do at all, the metric that says so: it stands beside every gain that
   * a method has elsewhere.
   */
  readonly abilityMetric?: string;
  /** Names of the metrics that `score` shows for each group; the primary one by default. */
  readonly groupMetrics?: readonly string[];
  /** Longest answer to generate, in tokens. */
  readonly maxNewTokens: number;
  /** True where the truth file covers more images than any answer file (CHAIR's COCO truth). */
  readonly truthIsSuperset?: boolean;
  /** True where answer files hold questions and truth too, so that no truth file is needed (MME). */
  readonly answersHoldTruth?: boolean;
  /** Counts that need all answers of one cluster together, for example MME's accuracy+. */
  readonly clusterCounts?: (scored: readonly ScoredQuestion[]) => Counts;
  /** The question an answer file means when it names the image in another way. */
  readonly questionId?: (id: string) => string;
  /** Names of the ways in which its questions can be put, the first the default; left out where there is one. */
  readonly promptVariants?: readonly string[];
  /** The questions of its files, put in one of these ways; every fault of the files is told at once. */
  readonly load: (files: BenchmarkFiles, promptVariant?: string) => Question[];
}

/** A question with its answer and the answer's score. */
export interface ScoredQuestion {
  readonly question: Question;
  readonly answer: string;
  readonly score: Score;
}
