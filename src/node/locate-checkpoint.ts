import { resolve } from "node:path";
import { GroundsightError, InvalidArgumentError, ModelLoadError } from "../errors.js";
import { baseOf, isVariant } from "./adapter-folder.js";
import { locateModel, type ModelPlace } from "./locate.js";

/** What the name of a model stands for: a checkpoint, as it is or with an adapter merged into it. */
export interface CheckpointPlace {
  /** Where the checkpoint lies. */
  readonly base: ModelPlace;
  readonly adapter:
    | {
        readonly folder: string;
        /** As the user gave it. */
        readonly name: string;
      }
    | undefined;
}

/**
 * Tells what the user's names of a model and an adapter mean. A folder that holds an adapter and no checkpoint is a
 * variant: the checkpoint that its adapter_config.json names, with that adapter.
 *
 * @throws ModelLoadError when the model, or the base of a variant, cannot be found
 * @throws InvalidArgumentError for an adapter to a variant
 */
export function locateCheckpoint(name: string, adapter?: string): CheckpointPlace {
  const place = locateModel(name);
  const isItself = adapter !== undefined && "folder" in place && resolve(adapter) === place.folder;
  if ("hubId" in place || isItself || !isVariant(place.folder)) {
    const given = adapter === undefined ? undefined : { folder: resolve(adapter), name: adapter };
    return { base: place, adapter: given };
  }
  const { folder } = place;
  if (adapter !== undefined) {
    throw new InvalidArgumentError(
      `adapter: received '${adapter}' for the model '${name}', which is an adapter itself; expected a checkpoint: merge one of the two in PyTorch (merge_and_unload)`,
    );
  }
  return { base: locateBase(folder), adapter: { folder, name } };
}

function locateBase(variant: string): ModelPlace {
  const name = baseOf(variant);
  let base: ModelPlace;
  try {
    base = locateModel(name, variant);
  } catch (cause) {
    if (!GroundsightError.isInstance(cause)) throw cause;
    const { message } = cause;
    throw new ModelLoadError(
      `the base of ${variant}, as its adapter_config.json names it: ${message}`,
      { cause },
    );
  }
  if ("folder" in base && isVariant(base.folder)) {
    throw new ModelLoadError(
      `the base of ${variant} is ${base.folder}, an adapter itself; expected a checkpoint`,
    );
  }
  return base;
}
