import type { SteeringStrengths } from "./directions.js";

/** Facts about a loaded checkpoint. */
export interface ModelInfo {
  /** The name, folder or hub id it was loaded by. */
  readonly id: string;
  /** Family plug-in, for example "llava". */
  readonly family: string;
  /** Precision of the files in use, for example "fp32" or "q8"; where they differ, that of each ("embed_tokens=fp16,..."). */
  readonly dtype: string;
  /** The adapter that is merged into its weights, by the name that was given; absent for a checkpoint as it is. */
  readonly adapter?: string;
  /** What its graphs run on besides the CPU, for example "webgpu"; absent where they run on the CPU alone. */
  readonly device?: string;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** The layers that have keys and values of their own, whose attention can be read; absent where all have. */
  readonly attentionLayers?: readonly number[];
  /** Most tokens that prompt and answer may have together. */
  readonly contextLength: number;
  /** Whether the decoder returns only new cache rows ("delta") or the whole cache ("whole") at each step. */
  readonly cache: "delta" | "whole";
  /** Most tokens of a prompt that are read in one run, where the device computes more of them wrongly; absent elsewhere. */
  readonly promptPieceTokens?: number;
  /** Strengths of a steered handle. */
  readonly steering?: Required<SteeringStrengths>;
}
