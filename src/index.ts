/** Groundsight: make large vision-language models hallucinate less, see why they do, and measure both. */
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
