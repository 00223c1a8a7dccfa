/**
 * The part of Groundsight that runs anywhere, browsers included: methods, the engine's contracts, maths and steering.
 * `groundsight` is this and what needs Node.
 *
 * @example
 * ```ts
 * // The arithmetic of contrastive decoding on logits of your own, in a page or in Node: no model and no file.
 * import { contrast, softmax } from "groundsight/core";
 *
 * const words = ["banana", "yellow", "blue"];
 * const clear = Float32Array.of(0, 2, 1); // with the image
 * const distorted = Float32Array.of(0, 2, -1); // with the image under noise: what the language alone suggests
 * const chances = softmax(contrast(clear, distorted, 1, 0.1)); // alpha 1, beta 0.1
 * words.forEach((word, i) => {
 *   console.log(word, chances[i]?.toFixed(2));
 * });
 * ```
 * @module groundsight/core
 */
export {
  type AssetSetting,
  type ChoiceSetting,
  checkSettings,
  type MethodSetting,
  type NumberSetting,
  type Setting,
  type SettingsOf,
  type SettingsSchema,
  type TextSetting,
} from "./arguments/settings.js";
export type {
  Answer,
  AnswerStream,
  AnswerToken,
  Decoding,
  FinishReason,
  ScoredToken,
  StreamPiece,
  Timings,
  Usage,
} from "./engine/answer.js";
export type {
  Backend,
  BackendFacts,
  BackendOffers,
  Context,
  ContextStep,
  OpenedImage,
  OpenResult,
  Prompt,
  PromptToOpen,
  StepResult,
} from "./engine/backend.js";
export type { ContentPart, ImageSource, Pixels, Role, Turn } from "./engine/conversation.js";
export type {
  LayerDirections,
  LayerSubspaces,
  SteeringDirections,
  SteeringStrengths,
} from "./engine/directions.js";
export type { FeatureGrid, ImageInPrompt, PictureArea } from "./engine/feature-grid.js";
export {
  type EncodeImage,
  type ImageVariant,
  ORIGINAL_IMAGE,
  type Picture,
  UNKNOWN_IMAGE,
} from "./engine/image-variant.js";
export type { JsonValue } from "./engine/json-value.js";
export type {
  ActiveEdit,
  Draft,
  DraftOptions,
  GeneratedText,
  GenerateTextOptions,
  Method,
  MethodNeeds,
  MethodRun,
  MethodSession,
  RunModel,
  Stream,
} from "./engine/method.js";
export type { BatchOptions, Model, ProbeOptions } from "./engine/model.js";
export type { ModelInfo } from "./engine/model-info.js";
export type {
  ImageLens,
  Pooling,
  Probe,
  PromptStates,
  TextStates,
  VisionStates,
} from "./engine/probe.js";
export type { ReadAnswer, ReadingRun, ReadOptions, ReadRequest } from "./engine/reading.js";
export type { GenerateOptions, GenerateRequest } from "./engine/request.js";
export type { Load } from "./engine/scheduler.js";
export type { StepOutputs } from "./engine/step.js";
export type { TensorData } from "./engine/tensor-data.js";
export type { TextLogitsOptions, TextModel } from "./engine/text-model.js";
export {
  askAboutImages,
  mapImages,
  mapQuestion,
  questionOf,
  type View,
  type ViewPart,
  type ViewTurn,
  withoutImages,
} from "./engine/view.js";
export {
  AbortedError,
  DatasetError,
  EXIT_STATUS,
  GroundsightError,
  type GroundsightErrorCode,
  InferenceError,
  InvalidArgumentError,
  ModelLoadError,
  ShapeError,
  UnsupportedCapabilityError,
} from "./errors.js";
export type {
  CacheSizes,
  CheckpointFacts,
  FamilyContext,
  FamilyPlugin,
  ImagePlace,
  ImageProcessor,
  ModelFamily,
  ProcessedImage,
  ProcessorOutput,
  PromptImage,
  PromptLayout,
  PromptPart,
  PromptPositions,
  PromptTools,
  PromptTurn,
  RgbPixels,
  Span,
  VisionInputs,
} from "./families/family.js";
export { earlierPrompts, expandImageTokens, plainPositions } from "./families/shared-prompts.js";
export { diffuse } from "./math/diffusion-noise.js";
export { logSoftmax } from "./math/log-softmax.js";
export { median } from "./math/median.js";
export { SeededRandom } from "./math/seeded-random.js";
export { softmax } from "./math/softmax.js";
export { type ApcOptions, apc } from "./methods/apc.js";
export { type AskingRun, anyElement, type ElementForm, verifyObjects } from "./methods/ask-back.js";
export { type AveragingOptions, averaging } from "./methods/averaging.js";
export { contrast } from "./methods/contrast.js";
export { type DecoOptions, deco } from "./methods/deco.js";
export {
  DESCRIBE_PROMPT,
  type DescriptionOptions,
  type DescriptionOrder,
  TASK_DESCRIBE_PROMPT,
} from "./methods/describe-image.js";
export { described } from "./methods/described.js";
export type { KlReduction } from "./methods/description-table.js";
export { type Distortion, diffusedView } from "./methods/distortions.js";
export { type DolaOptions, dola } from "./methods/dola.js";
export { type FlbOptions, flb } from "./methods/flb.js";
export { type HeadsOptions, heads } from "./methods/heads.js";
export { type IcdOptions, icd } from "./methods/icd.js";
export { layerRange } from "./methods/layer-range.js";
export { type M3idForm, type M3idOptions, m3id } from "./methods/m3id.js";
export type { MethodEntry } from "./methods/method-entry.js";
export {
  methodFromText,
  methodText,
  type NamedMethod,
  parseMethodText,
} from "./methods/method-text.js";
export { type NulluOptions, nullu } from "./methods/nullu.js";
export { type PaiOptions, pai } from "./methods/pai.js";
export { applyPlausibility } from "./methods/plausibility.js";
export { METHODS, methodEntry, methodNamed } from "./methods/registry.js";
export { regular } from "./methods/regular.js";
export { type RitualOptions, type RitualTransform, ritual } from "./methods/ritual.js";
export { type SelfvalOptions, selfval } from "./methods/selfval.js";
export { type VafOptions, vaf } from "./methods/vaf.js";
export { type VcdOptions, vcd } from "./methods/vcd.js";
export { type VddOptions, vdd } from "./methods/vdd.js";
export { type VdgdOptions, vdgd } from "./methods/vdgd.js";
export { type VerifyOptions, verify } from "./methods/verify.js";
export { type VistaOptions, vista } from "./methods/vista.js";
export { directionsId, type VtiOptions, vti } from "./methods/vti.js";
export { LocalModel, type LocalModelOptions } from "./model/local-model.js";
export {
  type AttentionOptions,
  attentionEdit,
  attentionOutput,
  imageAttentionOutput,
} from "./onnx/edits/attention.js";
export { type AttentionScores, attentionScoresEdit } from "./onnx/edits/attention-scores.js";
export { earlyExitEdit, earlyExitOutput } from "./onnx/edits/early-exit.js";
export {
  columnOf,
  type EditedRow,
  type EditedRun,
  type EditInput,
  type EditStage,
  type GraphEdit,
  imageColumns,
  type LayerRange,
} from "./onnx/edits/graph-edit.js";
export { imageAttentionEdit } from "./onnx/edits/image-attention.js";
export { controlVectorGguf } from "./vti/control-vector-gguf.js";
export { directionWarnings } from "./vti/direction-warnings.js";
export type { Estimator, VisualGrouping } from "./vti/directions.js";
export { decodeDirections, encodeDirections } from "./vti/directions-file.js";
export { fitDirections } from "./vti/fit-directions.js";
export type { Demonstration, FitOptions, FittedParts } from "./vti/fit-options.js";
export { fitSubspace, type SubspaceOptions } from "./vti/fit-subspace.js";
