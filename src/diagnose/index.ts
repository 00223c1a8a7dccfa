/**
 * Why a model said what it said, and which of its words can be trusted.
 *
 * @example
 * ```ts
 * // Tells of each word of an answer how much the picture and how much the language speak for it.
 * import { load, loadTextModel } from "groundsight";
 * import { explainAnswer } from "groundsight/diagnose";
 *
 * const [image = "photo.jpg", prompt = "Describe this image briefly."] = process.argv.slice(2);
 * await using model = await load("pocket");
 * await using base = await loadTextModel("pocket-base"); // the text-only model that it was tuned from
 * const { answer, tokens } = await explainAnswer(model, { image, prompt }, { base });
 * console.log(answer);
 * for (const { start, end, probability, imageless, base: untuned } of tokens) {
 *   const word = answer.slice(start, end).trim();
 *   const nats = imageless?.difference.toFixed(1); // above 0: the picture speaks for the word
 *   console.log(word, probability.toFixed(2), nats, untuned?.rank, untuned?.shift);
 * }
 * ```
 * @module groundsight/diagnose
 */
export { type DataFolderOptions, openDataFolder, openPocketBench } from "./analyses/data-folder.js";
export { ANALYSES, analysisNamed } from "./analyses/registry.js";
export { type RunAnalysisOptions, runAnalysis } from "./analyses/run-analysis.js";
export { writeAnalysis } from "./analyses/write-analysis.js";
export type { CauseControls, Share } from "./causes/cause-controls.js";
export { CAUSES, type CauseFigure, type CountedCause } from "./causes/cause-counts.js";
export {
  type CauseFinding,
  type CauseOptions,
  causeOf,
  type PhraseWord,
} from "./causes/cause-of.js";
export {
  type CheckedKind,
  type CheckedPhrase,
  type NamedPhrase,
  type PlacedPhrases,
  placePhrases,
} from "./causes/checked-phrase.js";
export type { Dimension, ErrorRate } from "./causes/error-rates.js";
export type { ExplainedPhrase } from "./causes/explained-phrases.js";
export { judgedPhrases, phraseTask } from "./causes/judged-phrases.js";
export {
  type Misalignment,
  type MisalignmentOptions,
  misalignmentOf,
} from "./causes/misalignment.js";
export { scenePhrases } from "./causes/scene-phrases.js";
export { readScenes, type Scene, type SceneObject } from "./causes/scenes.js";
export { writeMisalignment } from "./causes/write-misalignment.js";
export type {
  Analysis,
  AnalysisContext,
  AnalysisData,
  AnalysisResult,
  Axis,
  Estimate,
  Findings,
  KeepWork,
  Plot,
  Point,
  Series,
  TableRow,
} from "./contract/analysis.js";
export type {
  BaseView,
  Cause,
  Explanation,
  ExplanationBase,
  LikelyToken,
  OtherView,
  PatchMap,
  PhraseEvidence,
  PhraseKind,
  Shift,
  TokenEvidence,
} from "./contract/explanation.js";
export {
  type DemonstrationKind,
  type DemonstrationOptions,
  type DemonstrationRow,
  type Demonstrations,
  makeDemonstrations,
  type TrueCaption,
} from "./demonstrations/make-demonstrations.js";
export { explainAnswer } from "./evidence/explain-answer.js";
export type {
  AssessedAnswer,
  AssessedPhrases,
  ExplainOptions,
  ExplainRequest,
  OtherSight,
} from "./evidence/explain-request.js";
export { traceHtml } from "./page/trace-html.js";
export { preparePlots } from "./plots/plot-library.js";
export type { IndexFacts, Neighbour } from "./samples/index-database.js";
export { readTuningSamples, type TuningSample } from "./samples/read-samples.js";
export {
  type BuildIndexOptions,
  type BuiltIndex,
  buildIndex,
  openIndex,
  type SampleIndex,
} from "./samples/sample-index.js";
export { auroc } from "./statistics/auroc.js";
export {
  type CalibrationBin,
  expectedCalibrationError,
  reliability,
} from "./statistics/calibration.js";
export {
  type ClusterOptions,
  clusterEstimate,
  meanEstimate,
  shareEstimate,
} from "./statistics/cluster-estimate.js";
export {
  type LogisticModel,
  logisticProbability,
  logisticRegression,
} from "./statistics/logistic-regression.js";
export { type RankTest, rankTest } from "./statistics/rank-test.js";
export {
  linearCka,
  modalityGap,
  mutualKnn,
  type PairCosines,
  pairCosines,
  type Vectors,
} from "./statistics/similarity.js";
export { assessTrust } from "./trust/assess-phrases.js";
export {
  parseCalibration,
  type SignalWeight,
  type TrustCalibration,
} from "./trust/calibration.js";
export {
  type CaptionCheck,
  type CaptionToCheck,
  type CheckOptions,
  checkCaption,
  checkCaptions,
} from "./trust/check-caption.js";
export type { PhraseOptions } from "./trust/find-phrases.js";
export { readCalibration } from "./trust/read-calibration.js";
export { SIGNAL_NAMES, type SignalName } from "./trust/signals.js";
export type { TrustOptions } from "./trust/trust-options.js";
export { addMaps, type MapOptions } from "./where/add-maps.js";
export {
  type AttentionMapOptions,
  type AttentionMaps,
  attentionMaps,
} from "./where/attention-maps.js";
export { heatMapText } from "./where/heat-map-text.js";
export { type OcclusionOptions, occlusionMaps } from "./where/occlusion-maps.js";
export {
  cellMiddles,
  type MapPlace,
  mapPeak,
  phraseMap,
  type TokenMaps,
} from "./where/token-maps.js";
