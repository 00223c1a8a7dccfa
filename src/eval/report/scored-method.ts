import { groupBy } from "../../math/group-by.js";
import type { Benchmark, Counts, Metric, MetricInfo } from "../contract/benchmark.js";
import type { SeriesAnswers } from "../controls/control-series.js";
import { mapInTurns, type Turns } from "../data/turns.js";
import { addCounts } from "../metrics/add-counts.js";
import { behaviourMetrics } from "../metrics/behaviour-metrics.js";
import { metricValues } from "../metrics/metric-values.js";
import { addClusters } from "../scoring/add-scores.js";
import { type BenchmarkScore, scoreInTurns } from "../scoring/score-answers.js";
import type { MethodResults } from "../statistics/compare-methods.js";
import {
  type CountedMetrics,
  type Intervals,
  jointIntervals,
} from "../statistics/metric-intervals.js";
import { seedSpread } from "../statistics/seed-spread.js";
import type { StoredTiming } from "../store/stored-rows.js";
import { type Finish, withFinishes } from "./finishes.js";
import type { Decoding, Figure } from "./run-analysis.js";

/** The answers of one series on one set. */
export interface AnsweredSeries extends SeriesAnswers {
  readonly timings: readonly StoredTiming[];
  /** How answers ended, by question; of those that are missing nobody knows. */
  readonly finishes?: ReadonlyMap<string, Finish>;
}

/** Counts by cluster. */
export type Clusters = ReadonlyMap<string, Counts>;

/** A method under one way of decoding, scored seed by seed (or draw by draw). */
export interface ScoredMethod {
  readonly method: string;
  readonly decoding: Decoding;
  readonly seeds: readonly (number | null)[];
  readonly scores: readonly BenchmarkScore[];
  /** Counts of what the answers are like, in the order of `scores`. */
  readonly behaviours: readonly Clusters[];
  readonly timings: readonly StoredTiming[];
}

/** All series of a set, by method and way of decoding. */
export function* scoreMethods(
  benchmark: Benchmark,
  rule: string,
  series: readonly AnsweredSeries[],
): Turns<ScoredMethod[]> {
  const answered = series.filter((one) => one.answered.length > 0);
  const groups = groupBy(answered, ({ method, seed }) => `${decodingOf(seed)} ${method}`);
  return yield* mapInTurns([...groups.values()], function* (members) {
    const scores = yield* mapInTurns(members, (member) =>
      scoreInTurns(benchmark, member.answered, rule),
    );
    return {
      method: members[0]?.method ?? "",
      decoding: decodingOf(members[0]?.seed ?? null),
      seeds: [...new Set(members.map(({ seed }) => seed))],
      scores,
      behaviours: scores.map(({ behaviour, scored }, k) =>
        withFinishes(behaviour, scored, members[k]?.finishes ?? new Map()),
      ),
      timings: members.flatMap(({ timings }) => timings),
    };
  });
}

function decodingOf(seed: number | null): Decoding {
  return seed === null ? "greedy" : "sampling";
}

/** Counts of one answer to each question: methods are compared that were asked once, and several times. */
export function averaged(all: readonly Clusters[]): Map<string, Counts> {
  const mean = (counts: Counts) =>
    Object.fromEntries(Object.entries(counts).map(([key, sum]) => [key, sum / all.length]));
  return new Map([...addClusters(all)].map(([cluster, counts]) => [cluster, mean(counts)]));
}

/** What comparisons take of a method: counts of the benchmark, and which answers are right. */
export function resultsOf({ method, scores }: ScoredMethod): MethodResults {
  const [only] = scores;
  const right = new Map(
    only?.scored.map((one) => [one.question.id, one.score.counts.correct === 1]) ?? [],
  );
  return {
    method,
    clusters: averaged(scores.map(({ clusters }) => clusters)),
    right: scores.length === 1 ? right : null,
  };
}

/** Figures of a method by name. */
export interface NamedFigures {
  /** Of its benchmark's metrics. */
  readonly metrics: Readonly<Record<string, Figure>>;
  /** Of what its answers are like. */
  readonly measures: Readonly<Record<string, Figure>>;
}

/** The figures of each method. */
export type FiguresByMethod = ReadonlyMap<ScoredMethod, NamedFigures>;

/** All figures of a method, with intervals over all answers, from the same draws of clusters. */
export function* figuresOf(
  benchmark: Benchmark,
  { scores, behaviours, decoding }: ScoredMethod,
): Turns<NamedFigures> {
  const kinds = [
    { metrics: benchmark.metrics, all: scores.map(({ clusters }) => clusters) },
    { metrics: behaviourMetrics(benchmark), all: behaviours },
  ].map((kind) => ({ ...kind, clusters: [...addClusters(kind.all).values()] }));
  const intervals = yield* jointIntervals(kinds);
  const [metrics, measures] = kinds.map((kind, i) => figuresFrom(kind, intervals[i]!, decoding));
  return { metrics: metrics!, measures: measures! };
}

function figuresFrom(
  { metrics, all, clusters }: CountedMetrics & { readonly all: readonly Clusters[] },
  intervals: Intervals,
  decoding: Decoding,
): Record<string, Figure> {
  const total = metricValues({ metrics }, addCounts(clusters));
  const single = decoding === "greedy" && all.length === 1;
  const each = single ? [] : all.map((one) => metricValues({ metrics }, addCounts(one.values())));
  return Object.fromEntries(
    metrics.map(({ name }) => {
      const value = total[name] ?? { value: null, reason: "not computed" };
      const interval = value.value === null ? null : (intervals[name] ?? null);
      const spread = seedSpread(each.flatMap((values) => values[name]?.value ?? []));
      return [name, { value, interval, spread }];
    }),
  );
}

/** A metric's facts without its function: what survives JSON. */
export function infoOf({ name, title, unit, better }: Metric): MetricInfo {
  return { name, title, unit, better };
}
