import type { ImageSource } from "../../engine/conversation.js";
import type { LoadOptions } from "../load-options.js";
import type { Check } from "./examination.js";
import type { Cost } from "./measure-cost.js";
import type { MethodTrial } from "./try-methods.js";

/** Options of `diagnose`: those of `load`, and what is compared. */
export interface DiagnoseOptions extends Omit<LoadOptions, "worker"> {
  /** Whether to compare with stock transformers.js, which opens the model once more. Default true. */
  readonly stock?: boolean;
  /** The image that the model is asked about. Default: one that comes with the package. */
  readonly image?: ImageSource;
  /** Told each check as soon as it is made. */
  readonly onCheck?: (check: Check) => void;
}

/** What was found out about a checkpoint, as far as it could be. */
export interface Diagnosis {
  /** As given. */
  readonly model: string;
  /** Where it lies; null where it could not be found. */
  readonly folder: string | null;
  /** Where its adapter lies; null for a checkpoint as it is. */
  readonly adapter: string | null;
  readonly family: string | null;
  /** The precisions in words, as `--dtype` takes them. */
  readonly dtype: string;
  /** Whether no check found a fault. */
  readonly healthy: boolean;
  readonly checks: readonly Check[];
  /** Every method, and whether it runs; empty where the model does not. */
  readonly methods: readonly MethodTrial[];
  readonly cost: Cost | null;
}
