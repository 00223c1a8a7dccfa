import { DatasetError, InvalidArgumentError } from "../../errors.js";
import type { Benchmark, Counts, Metric, MetricInfo } from "../contract/benchmark.js";
import { isDecodedControl } from "../controls/decoded-controls.js";
import { inTurns, mapInTurns, type Turns } from "../data/turns.js";
import { addCounts } from "../metrics/add-counts.js";
import { furtherMetrics } from "../metrics/behaviour-metrics.js";
import { benchmarkOf } from "../report/benchmark-of.js";
import type { Decoding } from "../report/run-analysis.js";
import { primaryMetricOf } from "../scoring/primary-metric.js";
import type { BootstrapOptions } from "../statistics/cluster-bootstrap.js";
import { comparePair, corrected } from "../statistics/compare-methods.js";
import { readSettings } from "../store/run-sources.js";
import { type ClusterRow, type CountedSeries, readCounts } from "./read-counts.js";
import {
  type Across,
  pairSets,
  type RunDifference,
  runDifferences,
  type SetPair,
} from "./run-differences.js";

/** Settings of {@link compareRuns}. */
export interface CompareRunsOptions {
  /** Benchmarks that the runs' sets may be of. */
  readonly benchmarks: readonly Benchmark[];
  /** In what the runs are meant to differ; in nothing by default. */
  readonly across?: readonly Across[];
  /** Which figures: each benchmark's main one by default, `all`, or the metric or measure of a name. */
  readonly figures?: "main" | "all" | { readonly metric: string };
  readonly bootstrap?: BootstrapOptions;
}

/** A figure of two runs, and how sure their difference is. */
export interface ComparedFigure {
  readonly set: string;
  readonly method: string;
  readonly decoding: Decoding;
  readonly metric: string;
  /** Of `first`, `second`, `difference`, `low` and `high`. */
  readonly unit: MetricInfo["unit"];
  /** Over the images that both runs have; null where the metric is undefined. */
  readonly first: number | null;
  readonly second: number | null;
  /** Second minus first; null where either is undefined. */
  readonly difference: number | null;
  /** Its 95% interval, by the paired bootstrap over images. */
  readonly low: number | null;
  readonly high: number | null;
  /** Two-sided, by the same draws. */
  readonly p: number | null;
  /** By Holm's correction over all main figures, or over all of another metric. */
  readonly adjusted_p: number | null;
  /** True when `adjusted_p` is at most 0.05 and the interval does not hold 0. */
  readonly shown: boolean;
  /** Images that are compared. */
  readonly images: number;
  /** Images left out, since the runs do not have answers to the same questions about them. */
  readonly left_out: number;
}

/** Two runs side by side. */
export interface RunComparison {
  /** The differences between the runs that were meant. */
  readonly across: readonly string[];
  /** What only one of the runs has, in words. */
  readonly unpaired: readonly string[];
  readonly figures: readonly ComparedFigure[];
}

/**
 * Compares two finished runs on the same questions: for each set, method and way of decoding that both have, the
 * difference of each metric with its interval and p-value. Images are drawn, the same for both runs.
 *
 * @param folders of the two runs
 * @throws DatasetError when a folder holds no run or no counts, when the runs differ in something that `across` does
 *   not name, each difference with both values, or when they have nothing in common
 * @throws InvalidArgumentError when a benchmark is not among those given, or no set has the metric
 */
export async function compareRuns(
  folders: readonly [first: string, second: string],
  { benchmarks, across = [], figures = "main", bootstrap = {} }: CompareRunsOptions,
): Promise<RunComparison> {
  const settings = [await readSettings(folders[0]), await readSettings(folders[1])] as const;
  const pairs = pairSets(...settings);
  const differences = runDifferences(...settings, pairs);
  refuseOthers(folders, differences, across);
  const counted = [await readCounts(folders[0]), await readCounts(folders[1])] as const;
  const series = pairSeries(pairs, counted);
  if (series.length === 0) {
    throw new DatasetError(
      `${folders[0]} and ${folders[1]} have no set with a method that both decoded alike; ` +
        "compare runs on the same question files",
    );
  }
  const figured = mapInTurns(series, (pair) =>
    comparedFigures(pair, benchmarkOf(pair.set, benchmarks, "", "compareRuns"), figures, bootstrap),
  );
  const compared = (await inTurns(figured)).flat();
  if (compared.length === 0 && typeof figures === "object") {
    throw new InvalidArgumentError(
      `metric: received ${figures.metric}; expected one of ${metricNames(series, benchmarks)}`,
    );
  }
  return {
    across: differences.map(textOf),
    unpaired: unpairedOf(folders, pairs, counted),
    figures: withCorrection(compared),
  };
}

function refuseOthers(
  [first, second]: readonly [string, string],
  differences: readonly RunDifference[],
  across: readonly string[],
): void {
  const others = differences.filter(({ setting }) => !across.includes(setting));
  if (others.length === 0) return;
  const lines = others.map((one) => `\n  ${textOf(one)}`).join("");
  const flags = [...new Set(others.map(({ setting }) => `--across ${setting}`))].join(" ");
  const remedy = others.some(({ setting }) => setting === "questions")
    ? "Only answers to the same questions can be paired"
    : `Compare runs with the same settings, or say what is meant to differ (${flags})`;
  throw new DatasetError(`${second} differs from ${first}:${lines}\n${remedy}`);
}

function textOf({ setting, text }: RunDifference): string {
  return `${setting}: ${text}`;
}

/** What both runs answered of a set. */
interface SeriesPair extends Pick<CountedSeries, "method" | "decoding"> {
  readonly set: SetPair[0];
  readonly clusters: readonly (readonly [string, ClusterRow, ClusterRow])[];
  readonly leftOut: number;
}

function pairSeries(
  pairs: readonly SetPair[],
  [first, second]: readonly [readonly CountedSeries[], readonly CountedSeries[]],
): SeriesPair[] {
  return pairs.flatMap(([set, otherSet]) =>
    first.flatMap((one): SeriesPair[] => {
      if (one.set !== set.name) return [];
      const { method, decoding } = one;
      if (isDecodedControl(method)) return [];
      const other = second.find((it) => isSeries(it, otherSet.name, one));
      if (other === undefined) return [];
      const clusters = [...one.clusters].flatMap(([cluster, row]) => {
        const found = other.clusters.get(cluster);
        return found?.questions === row.questions ? [[cluster, row, found] as const] : [];
      });
      const all = new Set([...one.clusters.keys(), ...other.clusters.keys()]);
      return [{ set, method, decoding, clusters, leftOut: all.size - clusters.length }];
    }),
  );
}

function isSeries(
  one: CountedSeries,
  set: string,
  { method, decoding }: Pick<CountedSeries, "method" | "decoding">,
): boolean {
  return one.set === set && one.method === method && one.decoding === decoding;
}

/** A figure before the correction; which others it is corrected with. */
interface Uncorrected extends Omit<ComparedFigure, "adjusted_p" | "shown"> {
  readonly family: string;
}

function* comparedFigures(
  pair: SeriesPair,
  benchmark: Benchmark,
  figures: NonNullable<CompareRunsOptions["figures"]>,
  bootstrap: BootstrapOptions,
): Turns<Uncorrected[]> {
  const main = primaryMetricOf(benchmark);
  const isWanted = ({ name }: Metric) =>
    figures === "all" || name === (figures === "main" ? main.name : figures.metric);
  const compared = yield* mapInTurns(["counts", "behaviour"] as const, function* (kind) {
    const all = kind === "counts" ? benchmark.metrics : furtherMetrics(benchmark);
    const metrics = all.filter(isWanted);
    if (metrics.length === 0) return [];
    const first = pair.clusters.map(([cluster, row]) => [cluster, row[kind]] as const);
    const second = pair.clusters.map(([cluster, , row]) => [cluster, row[kind]] as const);
    const [reference, method] = [first, second].map((rows) => ({
      method: pair.method,
      clusters: new Map<string, Counts>(rows),
      right: null,
    }));
    const found = yield* comparePair(method!, reference!, metrics, bootstrap);
    const totals = [first, second].map((rows) => addCounts(rows.map(([, counts]) => counts)));
    return metrics.map((metric, index) => ({
      set: pair.set.name,
      method: pair.method,
      decoding: pair.decoding,
      metric: metric.name,
      unit: metric.unit,
      first: metric.of(totals[0]!).value,
      second: metric.of(totals[1]!).value,
      difference: found[index]?.difference ?? null,
      low: found[index]?.interval?.low ?? null,
      high: found[index]?.interval?.high ?? null,
      p: found[index]?.pValue ?? null,
      images: pair.clusters.length,
      left_out: pair.leftOut,
      family: metric === main ? "" : metric.name,
    }));
  });
  return compared.flat();
}

function withCorrection(all: readonly Uncorrected[]): ComparedFigure[] {
  const tested = all.flatMap(({ p, low, high, family }, index) => {
    const interval = low === null || high === null ? null : { low, high };
    return p === null ? [] : [{ index, family, interval, pValue: p }];
  });
  const families = new Set(tested.map(({ family }) => family));
  const tests = new Map(
    [...families].flatMap((family) =>
      corrected(tested.filter((one) => one.family === family)).map((one) => [one.index, one]),
    ),
  );
  return all.map(({ family: _, images, left_out, ...figure }, index) => ({
    ...figure,
    adjusted_p: tests.get(index)?.adjustedPValue ?? null,
    shown: tests.get(index)?.shown ?? false,
    images,
    left_out,
  }));
}

function metricNames(series: readonly SeriesPair[], benchmarks: readonly Benchmark[]): string {
  const names = series.flatMap(({ set }) => {
    const benchmark = benchmarkOf(set, benchmarks, "", "compareRuns");
    return [...benchmark.metrics, ...furtherMetrics(benchmark)].map(({ name }) => name);
  });
  return [...new Set(names)].join(", ");
}

function unpairedOf(
  folders: readonly [string, string],
  pairs: readonly SetPair[],
  counted: readonly [readonly CountedSeries[], readonly CountedSeries[]],
): string[] {
  return ([0, 1] as const).flatMap((run) => {
    const others = counted[1 - run]!;
    return counted[run].flatMap((one) => {
      const pair = pairs.find((sets) => sets[run].name === one.set);
      const other = pair?.[run === 0 ? 1 : 0].name;
      if (other !== undefined && others.some((it) => isSeries(it, other, one))) return [];
      return [`only in ${folders[run]}: ${one.set}, ${one.method}, ${one.decoding}`];
    });
  });
}
