/**
 * Evaluation: benchmarks as values, scoring of answers by anyone, runs that resume, reports and queries over
 * many runs. This is the one public entry; what it does not export is nobody's business.
 *
 * @example
 * ```ts
 * // Score captions made by any program with CHAIR, with 95% intervals over images:
 * // score-captions captions.jsonl objects_by_image.json
 * import {
 *   benchmarkNamed,
 *   metricIntervals,
 *   readAnswers,
 *   readDataFile,
 *   scoreAnswers,
 * } from "groundsight/eval";
 *
 * const [captions = "captions.jsonl", objects = "objects_by_image.json"] = process.argv.slice(2);
 * const chair = benchmarkNamed("chair");
 * const questions = chair.load({ data: null, truth: await readDataFile(objects) });
 * const score = scoreAnswers(chair, questions, readAnswers(await readDataFile(captions)));
 * const intervals = metricIntervals([...score.clusters.values()], chair.metrics);
 * for (const { name, title } of chair.metrics) {
 *   const { value, reason } = score.metrics[name] ?? { value: null, reason: "not computed" };
 *   console.log(title, value ?? `undefined: ${reason}`, intervals[name]);
 * }
 * ```
 * @module groundsight/eval
 */

export type { Mention } from "../objects/caption-objects.js";
export type { LocatedMention } from "../objects/locate-objects.js";
export { firstWordRule, type LikelyFirst } from "../objects/yes-no-answer.js";
export {
  type YesAhead,
  type YesNoTokens,
  yesAhead,
  yesNoTokens,
} from "../objects/yes-no-tokens.js";
// Benchmarks: those there are, and what one of your own is made of.
export {
  type GeneratePopeOptions,
  generatePope,
  type PopeRow,
  type PopeStrategy,
} from "./benchmarks/generate-pope.js";
export { BENCHMARKS, benchmarkNamed } from "./benchmarks/registry.js";
export type {
  Benchmark,
  BenchmarkFiles,
  BenchmarkKind,
  Cell,
  Counts,
  DataFile,
  Metric,
  MetricInfo,
  MetricValue,
  Question,
  Score,
  ScoredQuestion,
  ScoringContext,
} from "./contract/benchmark.js";
export type { JudgeTask } from "./contract/judge-task.js";
// Controls.
export { type PlannedControls, planControls } from "./controls/plan-controls.js";
export { DUCKDB_PACKAGE } from "./data/duckdb-package.js";
export { type AbsentPartner, countObjects, type ObjectCounts } from "./data/object-counts.js";
export { parseJson, parseRows, type Row } from "./data/parse-rows.js";
// Scoring answers made by anyone.
export { type AnswerRow, answersBySeries, readAnswers } from "./data/read-answers.js";
export { readDataFile } from "./data/read-data-file.js";
export { type ObjectsByImage, readObjectAnnotations } from "./data/read-object-annotations.js";
export { questionFile, type ReadQuestionsOptions, readQuestions } from "./data/read-questions.js";
export {
  identifier,
  readShaped,
  readShapedFile,
  refuseDuplicates,
  type ShapedFileOptions,
  type ShapedRow,
  yesNoLabel,
} from "./data/read-shaped.js";
export { requireGoingOn } from "./data/turns.js";
export type {
  BenchmarkDeclaration,
  CountedName,
  DeclaredFigure,
  DeclaredMetricTexts,
  DeclaredPrompt,
  DeclaredRatio,
  DeclaredRule,
  Reading,
} from "./define/declaration.js";
export { defineBenchmark } from "./define/define-benchmark.js";
export type {
  DeclaredFieldValues,
  FieldKind,
  RowOf,
  RowReader,
  RowShape,
} from "./define/row-shape.js";
// Running benchmarks with several methods.
export type { ChatQuestion } from "./endpoint/chat-dialect.js";
export {
  type AskableMethod,
  ENDPOINT_METHODS,
  requireAskable,
} from "./endpoint/endpoint-methods.js";
export {
  type ChatEndpoint,
  type EndpointAnswer,
  type OpenAiEndpointOptions,
  openAiEndpoint,
} from "./endpoint/openai-endpoint.js";
export { evaluate } from "./evaluate.js";
export { type EndpointEvaluationRequest, evaluateEndpoint } from "./evaluate-endpoint.js";
export type { EvaluationRequest } from "./evaluation.js";
export type { AskJudge, Judge } from "./judge/judge.js";
export {
  type JudgeAnswersOptions,
  type JudgeTally,
  judgeAnswers,
  tallyText,
} from "./judge/judge-answers.js";
export { type JudgeSetup, judgeMatched } from "./judge/judge-matched.js";
export { type OpenAiJudgeOptions, openAiJudge } from "./judge/openai-judge.js";
export { addCounts } from "./metrics/add-counts.js";
export { furtherMetrics } from "./metrics/behaviour-metrics.js";
export { metricValues } from "./metrics/metric-values.js";
export { count, harmonicMean, ratio } from "./metrics/ratio.js";
export { type RatioMetricOptions, ratioMetric } from "./metrics/ratio-metric.js";
export { behaviourTables, type TitledTable } from "./report/behaviour-tables.js";
// Reading what came out.
export type { Prices } from "./report/endpoint-figures.js";
export { endpointText, usageTable } from "./report/endpoint-text.js";
export { failuresText } from "./report/failures-text.js";
export { formatInterval, formatValue, formatWithUnit } from "./report/format-value.js";
export { gainsNote, gainsText } from "./report/gains-text.js";
export { type RebuildOptions, rebuildReport } from "./report/rebuild-report.js";
export {
  controlsTable,
  figuresTable,
  findingsText,
  groupTitle,
  type Table,
} from "./report/report-tables.js";
export type {
  Ability,
  ControlFigures,
  Coordinate,
  Decoding,
  DecodingCost,
  Disagreement,
  EndpointFigures,
  Figure,
  Finding,
  Frontier,
  FrontierComparison,
  FrontierPoint,
  Gain,
  GroupFigures,
  JudgedComparison,
  MethodBehaviour,
  MethodFigures,
  MethodUsage,
  RunAnalysis,
  SetAnalysis,
  SetFailures,
  Shift,
  ShownAnswer,
  Transition,
} from "./report/run-analysis.js";
export { type Overview, overviewOf } from "./report/run-overview.js";
export { settingsText } from "./report/settings-text.js";
export { readRun, type StoredAnswers, type StoredRunOptions } from "./report/stored-run.js";
export { textTable } from "./report/text-table.js";
export { REPORT_FILES } from "./report/write-report.js";
export {
  type ComparedFigure,
  type CompareRunsOptions,
  compareRuns,
  type RunComparison,
} from "./results/compare-runs.js";
export { compareQuery, figuresQuery, LIST_RUNS } from "./results/result-queries.js";
export { openResults, type ResultRow, type ResultsDatabase } from "./results/results-database.js";
export { ACROSS, type Across } from "./results/run-differences.js";
export {
  CAPTION_RULES,
  type CaptionRule,
  type ObjectFinder,
  objectFinder,
} from "./rules/object-finder.js";
export { POPE_RULES, type YesNoRule } from "./rules/yes-no.js";
export {
  type HeldOut,
  type PlanOptions,
  planRun,
  type RunSet,
  type SetRequest,
} from "./run/plan-run.js";
export { planSeries, type SeriesRequest } from "./run/plan-series.js";
export {
  DEFAULT_POCKET_SETS,
  POCKET_SETS,
  type PocketSet,
  pocketFolder,
  pocketSuite,
} from "./run/pocket-suite.js";
export type { PlannedSet, Progress } from "./run/run-evaluation.js";
export { addScores } from "./scoring/add-scores.js";
export type { AnsweredQuestion, LeftOut } from "./scoring/answer-matcher.js";
export { isJudged, requireRule } from "./scoring/benchmark-rules.js";
export {
  type MatchedAnswers,
  matchAnswers,
  matchFile,
  readAnswersTo,
  type TakeAnswer,
} from "./scoring/match-answers.js";
export {
  type BenchmarkScore,
  type ScoringOptions,
  type SeriesScore,
  scoreAnswers,
  scoreFile,
  scoreMatched,
} from "./scoring/score-answers.js";
export type { GroupScore, ScoreSums } from "./scoring/score-tally.js";
export {
  type BootstrapOptions,
  type Interval,
  percentileInterval,
} from "./statistics/cluster-bootstrap.js";
export {
  type Comparison,
  compareMethods,
  type MethodResults,
} from "./statistics/compare-methods.js";
export {
  type CountedMetrics,
  type Intervals,
  jointIntervalsInTurns,
  metricIntervals,
} from "./statistics/metric-intervals.js";
export type { SeedSpread } from "./statistics/seed-spread.js";
export { fewImagesWarning, isUnvaried, unvariedInterval } from "./statistics/unvaried.js";
export { RUN_FILES } from "./store/answer-store.js";
export { writeFileAtomically } from "./store/atomic-file.js";
export { DurableLog, type LogFile } from "./store/durable-log.js";
export { makeFolder } from "./store/make-folder.js";
export type {
  AnsweringCheckpoint,
  AnsweringEndpoint,
  RunSettings,
  SetSettings,
} from "./store/run-settings.js";
export {
  type ModuleFile,
  type RunModule,
  runModules,
  type SetSource,
} from "./store/run-sources.js";
export type { Series, SeriesSettings } from "./store/series.js";
export type { AnswerKey, Observations, StoredAnswer, StoredFailure } from "./store/stored-rows.js";
export type { DevSplit, DevThreshold, SplitPart, TunedMark } from "./store/tuned.js";
// Settings chosen on questions kept for that.
export { TUNED_FILE, type Tuning, type TuningRequest, tune } from "./tune.js";
export {
  type MeasureCostsOptions,
  measureCosts,
  type SettingCost,
} from "./tuning/measure-costs.js";
export {
  heldOutBy,
  parseTunedSetting,
  type TriedSetting,
  type TunedSetting,
} from "./tuning/tuned-setting.js";
