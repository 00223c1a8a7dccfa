import type { Benchmark, Counts, Metric, MetricInfo } from "../contract/benchmark.js";
import { groupBy } from "../data/group-by.js";
import { addCounts } from "../metrics/add-counts.js";
import { metricValues } from "../metrics/metric-values.js";
import type { RunSet } from "../run/plan-run.js";
import type { AnsweredQuestion } from "../scoring/match-answers.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import { type BenchmarkScore, clusterCounts, scoreMatched } from "../scoring/score-answers.js";
import { compareMethods, type MethodResults } from "../statistics/compare-methods.js";
import { metricIntervals } from "../statistics/metric-intervals.js";
import { seedSpread } from "../statistics/seed-spread.js";
import { clustersWith } from "../statistics/unvaried.js";
import type { StoredTiming } from "../store/stored-rows.js";
import { decodingCost } from "./decoding-cost.js";
import type {
  Decoding,
  Disagreement,
  Figure,
  GroupFigures,
  JudgedComparison,
  MethodFigures,
  SetAnalysis,
} from "./run-analysis.js";
import { verdict } from "./verdict.js";

/** The answers of one series on one set. */
export interface AnsweredSeries {
  readonly method: string;
  readonly seed: number | null;
  readonly answered: readonly AnsweredQuestion[];
  readonly timings: readonly StoredTiming[];
}

/** A method under one way of decoding, scored seed by seed (or draw by draw). */
interface ScoredMethod {
  readonly method: string;
  readonly decoding: Decoding;
  readonly seeds: readonly (number | null)[];
  readonly scores: readonly BenchmarkScore[];
  readonly clusters: ReadonlyMap<string, Counts>;
  readonly timings: readonly StoredTiming[];
}

/** Methods that others are compared with: the baseline, and the control of contrastive methods. */
const REFERENCES: readonly string[] = ["regular", "apc"];
const EXAMPLES = 8;

/** Figures, comparisons and examples of one set from the answers of all its series. */
export function analyseSet(
  set: Pick<RunSet, "name" | "benchmark" | "rule">,
  series: readonly AnsweredSeries[],
): Omit<SetAnalysis, "judging" | "failures"> {
  const methods = scoreMethods(set.benchmark, set.rule, series);
  const [first] = methods;
  const asked = new Set(methods.flatMap(({ scores }) => scores[0]?.scored ?? []).map(idOf));
  return {
    name: set.name,
    benchmark: set.benchmark.name,
    title: set.benchmark.title,
    source: set.benchmark.source,
    rule: set.rule,
    metrics: set.benchmark.metrics.map(infoOf),
    primaryMetric: infoOf(primaryMetricOf(set.benchmark)),
    questions: asked.size,
    images: first?.clusters.size ?? 0,
    primaryImages: clustersWith(primaryMetricOf(set.benchmark), [
      ...(first?.clusters.values() ?? []),
    ]),
    methods: methods.map((method) => figuresOf(set.benchmark, method)),
    comparisons: comparisonsOf(set.benchmark, methods),
    disagreements: disagreementsOf(methods),
  };
}

function scoreMethods(
  benchmark: Benchmark,
  rule: string,
  series: readonly AnsweredSeries[],
): ScoredMethod[] {
  const answered = series.filter((one) => one.answered.length > 0);
  const groups = groupBy(answered, ({ method, seed }) => `${decodingOf(seed)} ${method}`);
  return [...groups.values()].map((members) => {
    const scores = members.map((member) => scoreMatched(benchmark, member.answered, rule));
    const clusters = new Map<string, Counts>();
    for (const score of scores) {
      for (const [cluster, counts] of score.clusters) {
        clusters.set(cluster, addCounts([clusters.get(cluster) ?? {}, counts]));
      }
    }
    return {
      method: members[0]?.method ?? "",
      decoding: decodingOf(members[0]?.seed ?? null),
      seeds: [...new Set(members.map(({ seed }) => seed))],
      scores,
      clusters,
      timings: members.flatMap(({ timings }) => timings),
    };
  });
}

function decodingOf(seed: number | null): Decoding {
  return seed === null ? "greedy" : "sampling";
}

function figuresOf(benchmark: Benchmark, scored: ScoredMethod): MethodFigures {
  const { method, decoding, seeds, scores, clusters, timings } = scored;
  const total = metricValues(benchmark, addCounts(clusters.values()));
  const intervals = metricIntervals([...clusters.values()], benchmark.metrics);
  const figure = ({ name }: Metric): Figure => ({
    value: total[name] ?? { value: null, reason: "not computed" },
    interval: intervals[name] ?? null,
    spread:
      decoding === "greedy" && scores.length === 1
        ? null
        : seedSpread(scores.flatMap((score) => score.metrics[name]?.value ?? [])),
  });
  return {
    method,
    decoding,
    seeds,
    draws: scores.length,
    n: scores.reduce((sum, score) => sum + score.n, 0),
    unparsed: scores.reduce((sum, score) => sum + score.unparsed, 0),
    figures: Object.fromEntries(benchmark.metrics.map((metric) => [metric.name, figure(metric)])),
    groups: groupsOf(benchmark, scores),
    cost: decodingCost(timings),
  };
}

function groupsOf(benchmark: Benchmark, scores: readonly BenchmarkScore[]): GroupFigures[] {
  const scored = scores.flatMap((score) => score.scored.map((one) => ({ one, score })));
  const groups = groupBy(scored, ({ one }) => one.question.group);
  if (groups.size < 2) return [];
  return [...groups].flatMap(([group, members]) => {
    if (group === null) return [];
    const bySeed = groupBy(members, ({ score }) => score);
    const counts = [...bySeed.values()].flatMap((seed) => [
      ...clusterCounts(
        benchmark,
        seed.map(({ one }) => one),
      ).values(),
    ]);
    return [{ group, n: members.length, values: metricValues(benchmark, addCounts(counts)) }];
  });
}

function comparisonsOf(benchmark: Benchmark, methods: readonly ScoredMethod[]): JudgedComparison[] {
  const metric = primaryMetricOf(benchmark);
  return [...groupBy(methods, ({ decoding }) => decoding)].flatMap(([decoding, members]) =>
    REFERENCES.flatMap((name) => {
      const reference = members.find(({ method }) => method === name);
      if (reference === undefined) return [];
      const others = members.filter(
        ({ method }) => !REFERENCES.slice(0, REFERENCES.indexOf(name) + 1).includes(method),
      );
      return compareMethods(others.map(resultsOf), resultsOf(reference), metric).map((one) => ({
        ...one,
        decoding,
        verdict: verdict(one, metric),
      }));
    }),
  );
}

function resultsOf({ method, clusters, scores }: ScoredMethod): MethodResults {
  const [only] = scores;
  const right = new Map(
    only?.scored.map((one) => [one.question.id, one.score.counts.correct === 1]) ?? [],
  );
  return {
    method,
    clusters: averaged(clusters, scores.length),
    right: scores.length === 1 ? right : null,
  };
}

/** Counts of one answer to each question: methods are compared that were asked once, and several times. */
function averaged(clusters: ReadonlyMap<string, Counts>, answers: number): Map<string, Counts> {
  const mean = (counts: Counts) =>
    Object.fromEntries(Object.entries(counts).map(([key, sum]) => [key, sum / answers]));
  return new Map([...clusters].map(([cluster, counts]) => [cluster, mean(counts)]));
}

/** Questions that methods score differently: greedy answers (of the first draw) first, then those of the first seed. */
function disagreementsOf(methods: readonly ScoredMethod[]): Disagreement[] {
  const decodings = groupBy(methods, ({ decoding }) => decoding);
  return (["greedy", "sampling"] as const)
    .flatMap((decoding) => disagreementsUnder(decoding, decodings.get(decoding) ?? []))
    .slice(0, EXAMPLES);
}

function disagreementsUnder(decoding: Decoding, methods: readonly ScoredMethod[]): Disagreement[] {
  const answers = methods.flatMap(({ method, scores }) =>
    (scores[0]?.scored ?? []).map(({ question, answer, score: { outcome, explanation } }) => ({
      question,
      shown: { method, text: answer, outcome, explanation },
    })),
  );
  return [...groupBy(answers, idOf).values()].flatMap((given) => {
    const outcomes = new Set(given.map(({ shown }) => shown.outcome));
    const question = given[0]?.question;
    if (outcomes.size < 2 || question === undefined) return [];
    const { id, image, prompt, truth } = question;
    return [
      {
        decoding,
        question: { id, image, prompt, truth },
        answers: given.map(({ shown }) => shown),
      },
    ];
  });
}

function idOf({ question }: { question: { id: string } }): string {
  return question.id;
}

/** A metric's facts without its function: what survives JSON. */
function infoOf({ name, title, unit, better }: Metric): MetricInfo {
  return { name, title, unit, better };
}
