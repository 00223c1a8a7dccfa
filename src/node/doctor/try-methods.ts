import type { ImageSource } from "../../engine/conversation.js";
import type { Model } from "../../engine/model.js";
import { GroundsightError } from "../../errors.js";
import type { MethodEntry } from "../../methods/method-entry.js";
import { METHODS } from "../../methods/registry.js";
import { QUESTION } from "./decode-plainly.js";
import type { TrialDirections } from "./steering-trial.js";

/** Whether a method runs on a model. */
export interface MethodTrial {
  readonly name: string;
  readonly runs: boolean;
  /** Why it does not, or what of it does not. */
  readonly reason: string | null;
}

/** Tokens of an answer, and of a description before it. */
const [ANSWER, DESCRIPTION] = [2, 8];

/** Runs every method for two tokens. */
export async function tryMethods(
  model: Model,
  image: ImageSource,
  trial: TrialDirections,
  signal: AbortSignal | undefined,
): Promise<MethodTrial[]> {
  const trials: MethodTrial[] = [];
  for (const entry of Object.values(METHODS)) {
    const asset = Object.keys(entry.settings).find((key) => entry.settings[key]!.type === "asset");
    const { image: tower, text } = trial.directions;
    // A subspace is the decoder's alone; what the tower lacks does not concern it.
    const lacking = asset === "directions" || text === undefined ? trial.lacking : [];
    if (asset !== undefined && tower === undefined && text === undefined) {
      trials.push({ name: entry.name, runs: false, reason: lacking.join("; ") });
      continue;
    }
    const failure = await runMethod(model, image, entry, { asset, trial, signal });
    const isPartial = asset !== undefined && lacking.length > 0;
    const reason = failure ?? (isPartial ? `without ${lacking.join("; ")}` : null);
    trials.push({ name: entry.name, runs: failure === undefined, reason });
  }
  return trials;
}

/** Why a method failed; undefined where it ran. */
async function runMethod(
  model: Model,
  image: ImageSource,
  { settings, create }: MethodEntry,
  { asset, trial, signal }: MethodRunOptions,
): Promise<string | undefined> {
  try {
    const method = create({
      ...(Object.hasOwn(settings, "descriptionTokens") ? { descriptionTokens: DESCRIPTION } : {}),
      ...(asset === undefined ? {} : { [asset]: trial.directions }),
    });
    await model.generate({
      image,
      prompt: QUESTION,
      method,
      maxTokens: ANSWER,
      ...(signal === undefined ? {} : { signal }),
    });
    return undefined;
  } catch (error) {
    if (GroundsightError.isInstance(error) && error.code === "ABORTED") throw error;
    return (error as Error).message;
  }
}

interface MethodRunOptions {
  readonly asset: string | undefined;
  readonly trial: TrialDirections;
  readonly signal: AbortSignal | undefined;
}
