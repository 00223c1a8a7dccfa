import {
  type Benchmark,
  fewImagesWarning,
  formatInterval,
  formatWithUnit,
  furtherMetrics,
  type GroupScore,
  groupTitle,
  type Interval,
  type LeftOut,
  type Metric,
  type MetricValue,
  type ScoreSums,
  textTable,
} from "../eval/index.js";
import { wrapText } from "./wrap-text.js";

/** One series of answers with its figures. */
export interface ScoredSeries {
  /** The file or folder; null for all files together, undefined where there is one. */
  readonly file?: string | null;
  readonly series: string | null;
  readonly rule: string;
  readonly score: ScoreSums;
  readonly leftOut: LeftOut;
  /** Those of the benchmark, then those of what the answers are like. */
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly intervals: Readonly<Record<string, Interval | null>>;
}

/** What anyone's answers are like; how they ended is not in their files. */
export function furtherOf(benchmark: Benchmark): Metric[] {
  return furtherMetrics(benchmark).filter(({ name }) => name !== "hit_limit");
}

/** One object, or an array of them where there are several series or files. */
export function scoresAsJson(benchmark: Benchmark, all: readonly ScoredSeries[]): string {
  const objects = all.map(({ file, series, rule, score, leftOut, metrics, intervals }) => ({
    ...Object.fromEntries(Object.entries(metrics).map(([key, { value }]) => [key, value])),
    n: score.n,
    unparsed: score.unparsed,
    ...leftOut,
    benchmark: benchmark.name,
    rule,
    ...(file === undefined ? {} : { file }),
    ...(series === null ? {} : { series }),
    counts: score.counts,
    intervals,
    groups: score.groups.map(({ by, group, n, metrics: values }) => ({ by, group, n, values })),
    undefined: Object.fromEntries(
      Object.entries(metrics).flatMap(([key, { reason }]) =>
        reason === undefined ? [] : [[key, reason]],
      ),
    ),
  }));
  return JSON.stringify(objects.length === 1 ? objects[0] : objects, null, 2);
}

/** A table for each series and file. */
export function scoresAsText(benchmark: Benchmark, all: readonly ScoredSeries[]): string {
  return all.map((one) => seriesText(benchmark, one)).join("\n\n");
}

function seriesText(
  benchmark: Benchmark,
  { file, series, rule, score, leftOut, metrics, intervals }: ScoredSeries,
): string {
  const place = file === null ? "all files" : file;
  const title = [benchmark.title, place, series, `rule ${rule}`, `n = ${score.n}`];
  const rows = [...benchmark.metrics, ...furtherOf(benchmark)].map((metric) => [
    metric.title,
    formatWithUnit(metric, metrics[metric.name]!),
    formatInterval(metric, intervals[metric.name]),
  ]);
  const warning = fewImagesWarning(score.clusters.size);
  const { columns } = process.stdout;
  return [
    wrapText(title.filter(Boolean).join(", "), "  "),
    textTable([["", "value", "95% interval"], ...rows], columns),
    ...groupLines(benchmark, score.groups, columns),
    `unparsed answers: ${score.unparsed}`,
    ...leftOutLines(benchmark, leftOut),
    ...(warning === null ? [] : [wrapText(warning, "  ")]),
  ].join("\n");
}

function groupLines(
  benchmark: Benchmark,
  groups: readonly GroupScore[],
  columns: number | undefined,
): string[] {
  if (groups.length === 0) return [];
  const { groupMetrics = [benchmark.primaryMetric] } = benchmark;
  const metrics = benchmark.metrics.filter(({ name }) => groupMetrics.includes(name));
  const rows = groups.map((one) => [
    groupTitle(one),
    ...metrics.map((metric) => formatWithUnit(metric, one.metrics[metric.name]!)),
    String(one.n),
  ]);
  return [textTable([["", ...metrics.map(({ title }) => title), "n"], ...rows], columns)];
}

/** Where the truth covers more images than any answer file, answers are not missing. */
function leftOutLines(benchmark: Benchmark, { withoutAnswer, withoutQuestion }: LeftOut): string[] {
  return [
    ...(withoutAnswer > 0 && benchmark.truthIsSuperset !== true
      ? [`questions left out, without answer: ${withoutAnswer}`]
      : []),
    ...(withoutQuestion > 0 ? [`answers left out, without question: ${withoutQuestion}`] : []),
  ];
}
