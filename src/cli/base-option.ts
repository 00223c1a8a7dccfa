import {
  GroundsightError,
  knownBase,
  loadTextModel,
  type Model,
  type TextModel,
} from "../index.js";
import { type ModelFlags, showProgress } from "./model-options.js";

/** Values of the options that choose what an answer's tokens are held against. */
export interface BaseFlags {
  /** A text model's name, "self" or "none". Default: the base LLM that is known for the model. */
  readonly base?: string;
  readonly baseDtype?: string;
}

/** What tokens are held against. */
export interface ChosenBase {
  readonly base: TextModel | "self" | null;
  /** Why it is not what one would expect. */
  readonly notes: readonly string[];
}

/** Opens the base LLM that the options name. Without a name, one that is known is taken where it is on this machine. */
export async function chooseBase(
  { info }: Model,
  { base, baseDtype }: BaseFlags,
  { threads, offline }: Pick<ModelFlags, "threads" | "offline">,
): Promise<ChosenBase> {
  const options = {
    ...(threads === undefined ? {} : { threads }),
    ...(baseDtype === undefined ? {} : { dtype: baseDtype as "fp32" }),
    onProgress: showProgress,
  };
  if (base === "none") return { base: null, notes: [] };
  if (base === "self") return { base, notes: [] };
  if (base !== undefined) {
    const access = offline === undefined ? {} : { offline };
    return { base: await loadTextModel(base, { ...options, ...access }), notes: [] };
  }
  const known = knownBase(info.id);
  const instead = "ranks are those of the model itself without the image, an approximation";
  if (known === undefined) {
    const note = `no base LLM is known for ${info.id}: ${instead}; --base names one`;
    return { base: "self", notes: [note] };
  }
  try {
    return { base: await loadTextModel(known, { ...options, offline: true }), notes: [] };
  } catch (error) {
    if (!GroundsightError.isInstance(error) || error.code !== "MODEL_LOAD") throw error;
    const note = `the base LLM ${known} is not on this machine: ${instead}; --base ${known} fetches it`;
    return { base: "self", notes: [note] };
  }
}
