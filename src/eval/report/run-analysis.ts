import type { Cell, MetricInfo, MetricValue, Question, Score } from "../contract/benchmark.js";
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

/** A method's figures on the questions of one group, or on those with one tag. */
export interface GroupFigures {
  readonly by: "group" | "tag";
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

/** What a method's answers are like, beside the benchmark's own metrics. */
export interface MethodBehaviour {
  readonly method: string;
  readonly decoding: Decoding;
  /** By name of the set's `measures`. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** With `regular` and with `apc`, measure by measure; Holm's correction is over the methods. */
  readonly comparisons: readonly JudgedComparison[];
}

/** Answers that a method changed, one way and the other, as McNemar's test takes them. */
export interface Shift {
  /** Pairs of answers in which only the method's is so. */
  readonly gained: number;
  /** Pairs in which only the reference's is so. */
  readonly lost: number;
  /** (gained - lost) / pairs, with its interval. */
  readonly difference: number;
  readonly interval: Interval | null;
  readonly test: Comparison["test"];
  readonly pValue: number;
  /** After Holm's correction over the methods. */
  readonly adjustedPValue: number;
  readonly shown: boolean;
}

/** Where the reference's yes/no answers stand under a method, seeds or draws pooled. */
export interface Transition {
  readonly method: string;
  readonly reference: string;
  readonly decoding: Decoding;
  /** Pairs of answers by the reference's cell, then by the method's. */
  readonly table: Readonly<Record<Cell, Readonly<Record<Cell, number>>>>;
  /** Pairs left out, since one of their answers was not read as yes or no. */
  readonly unread: number;
  /** Answers that are right. */
  readonly right: Shift;
  /** Answers that say yes. */
  readonly yes: Shift;
}

/** Where a point lies on one axis; null where the metric is undefined. */
export interface Coordinate {
  readonly value: number | null;
  readonly interval: Interval | null;
}

/** A method, or a trivial baseline, by what its captions find and invent. */
export interface FrontierPoint {
  /** The method, or for example `regular, first 32 words`. */
  readonly name: string;
  readonly decoding: Decoding;
  readonly baseline: boolean;
  readonly recall: Coordinate;
  readonly hallucination: Coordinate;
}

/** A method's hallucination beside that of the trivial baselines at the same recall. */
export interface FrontierComparison {
  readonly method: string;
  readonly decoding: Decoding;
  /** The method's recall. */
  readonly recall: number;
  /** What `regular` hallucinates at that recall, its captions cut shorter. */
  readonly baseline: number;
  /** The method's hallucination less that. */
  readonly difference: number;
  readonly interval: Interval | null;
  readonly pValue: number;
  /** After Holm's correction over the methods. */
  readonly adjustedPValue: number;
  readonly shown: boolean;
  readonly verdict: string;
}

/** What captions find against what they invent: methods beside `regular` with its captions cut. */
export interface Frontier {
  readonly recall: MetricInfo;
  readonly hallucination: MetricInfo;
  readonly points: readonly FrontierPoint[];
  readonly comparisons: readonly FrontierComparison[];
  /** Every metric of each method against `regular` and `apc`. */
  readonly differences: readonly JudgedComparison[];
}

/** What methods do to the metric of general ability, on a set that measures it. */
export interface Ability {
  readonly metric: MetricInfo;
  readonly comparisons: readonly JudgedComparison[];
}

/** A difference for the better, with what the same method does to general ability. */
export interface Gain {
  readonly set: string;
  readonly method: string;
  readonly reference: string;
  readonly decoding: Decoding;
  readonly verdict: string;
  /** On each set of general ability in the run. */
  readonly ability: readonly { readonly set: string; readonly verdict: string }[];
}

/**
 * A trivial baseline beside the methods, made of answers of `regular`, with the same figures. Controls that are decoded
 * stand among the methods.
 */
export interface ControlFigures extends MethodFigures {
  /** The method that it is made alike to; null for a control of all methods. */
  readonly matchedTo: string | null;
  /** How it was set, in words. */
  readonly setting: string;
}

/** What was found of one method under one way of decoding. */
export interface Finding {
  readonly method: string;
  readonly decoding: Decoding;
  readonly kind:
    | "inactive"
    | "yes-shift"
    | "no-shift"
    | "shorter"
    | "cooler"
    | "no-gain"
    | "beats-controls"
    | "not-better-than-control"
    | "untried";
  /** In plain words. */
  readonly text: string;
  /** What it rests on; Holm's correction is over all methods and controls of the set. */
  readonly comparisons: readonly JudgedComparison[];
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
  /** What is told of answers beside `metrics`. */
  readonly measures: readonly MetricInfo[];
  /** For each of `methods`, in their order. */
  readonly behaviour: readonly MethodBehaviour[];
  /** From `regular` to each other method; none where answers are no yes or no. */
  readonly transitions: readonly Transition[];
  /** Of captions; null for other answers. */
  readonly frontier: Frontier | null;
  /** Null where the set does not measure general ability. */
  readonly ability: Ability | null;
  /** Trivial baselines made of answers of `regular`; none where its answers do not tell enough. */
  readonly controls: readonly ControlFigures[];
  /** What each method does and what its gain is worth, in words. */
  readonly findings: readonly Finding[];
  readonly disagreements: readonly Disagreement[];
  readonly failures: SetFailures;
  /** How the judging went; null when the rule needs no judge. */
  readonly judging: JudgeTally | null;
}

/** What the answers of a method took of a server, over all sets. */
export interface MethodUsage {
  readonly method: string;
  readonly answers: number;
  readonly requests: number;
  /** Null where the server did not tell tokens of every answer. */
  readonly promptTokens: number | null;
  readonly answerTokens: number | null;
  /** By the prices that were given; null without prices or tokens. */
  readonly price: number | null;
}

/** What is known of the server that answered. */
export interface EndpointFigures {
  /** By method, in the order of the run. */
  readonly usage: readonly MethodUsage[];
  /** Each `system_fingerprint` that it told, with the number of answers. */
  readonly fingerprints: readonly { readonly value: string; readonly answers: number }[];
  /** Of the yes/no answers of `regular`, those whose margin is known. */
  readonly margins: { readonly known: number; readonly answers: number };
  /** Answers that the server gave no seed to. */
  readonly unseeded: number;
  /** Answers without a word. */
  readonly empty: number;
  /** Questions of `verify` about objects that had neither yes nor no for an answer. */
  readonly unclear: number;
}

/** All figures of a run. */
export interface RunAnalysis {
  readonly settings: RunSettings;
  readonly sets: readonly SetAnalysis[];
  /** Differences on primary metrics that are shown to be for the better, general ability beside them. */
  readonly gains: readonly Gain[];
  /** There where a server answered. */
  readonly endpoint?: EndpointFigures;
}
