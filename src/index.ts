/** Groundsight: make large vision-language models hallucinate less, see why they do, and measure both. */
export type {
  Answer,
  AnswerStream,
  AnswerToken,
  FinishReason,
  ScoredToken,
  StreamPiece,
  Timings,
  Usage,
} from "./engine/answer.js";
export { type EncodeImage, type ImageVariant, ORIGINAL_IMAGE } from "./engine/image-variant.js";
export type {
  DecodedText,
  DecodeOptions,
  JsonValue,
  Method,
  MethodNeed,
  MethodRun,
  MethodSession,
  Stream,
} from "./engine/method.js";
export type { BatchOptions, Model, ModelInfo } from "./engine/model.js";
export type { Probe, TextStates, VisionStates } from "./engine/probe.js";
export type { GenerateRequest, ImageSource, Pixels } from "./engine/request.js";
export type { LayerDirections, SteeringDirections, SteeringStrengths } from "./engine/steering.js";
export type { TensorData } from "./engine/tensor-data.js";
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
export { type ApcOptions, apc } from "./methods/apc.js";
export { type AveragingOptions, averaging } from "./methods/averaging.js";
export type { DescriptionOptions } from "./methods/describe-image.js";
export { described } from "./methods/described.js";
export type { KlReduction } from "./methods/description-table.js";
export { METHODS, type MethodEntry, methodNamed } from "./methods/methods.js";
export { regular } from "./methods/regular.js";
export { type VcdOptions, vcd } from "./methods/vcd.js";
export { type VdgdOptions, vdgd } from "./methods/vdgd.js";
export type { Dtype } from "./models/checkpoint-folder.js";
export type { DownloadProgress } from "./models/hub.js";
export { type LocalModel, listModels } from "./models/list-models.js";
export { load } from "./models/load.js";
export type { LoadOptions } from "./models/load-options.js";
export { controlVectorGguf } from "./vti/control-vector-gguf.js";
export type { VisualGrouping } from "./vti/directions.js";
export { decodeDirections, encodeDirections } from "./vti/directions-file.js";
export { type Demonstration, type FitOptions, fitDirections } from "./vti/fit-directions.js";
