import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { type DownloadProgress, InvalidArgumentError, load, type Model } from "../index.js";
import type { Inference } from "./inference.js";
import { localInference } from "./local-inference.js";
import type { ServingPlan } from "./process-messages.js";

/**
 * Loads what is to be served, one model after the other, into this process.
 *
 * @throws as `load` and {@link localInference}; nothing stays loaded then
 */
export async function loadInference(
  { models, ...setup }: ServingPlan,
  onProgress?: (progress: DownloadProgress) => void,
): Promise<Inference> {
  if (models.length === 0) {
    throw new InvalidArgumentError("models: received none; expected one at least");
  }
  const loaded = new Map<string, Model>();
  try {
    for (const { source, name = nameOf(source), options } of models) {
      if (loaded.has(name)) {
        throw new InvalidArgumentError(`models: received '${name}' twice; give each its own name`);
      }
      const telling = onProgress === undefined ? {} : { onProgress };
      loaded.set(name, await load(source, { ...options, ...telling }));
    }
    return await localInference(loaded, setup);
  } catch (error) {
    for (const model of loaded.values()) await model.dispose();
    throw error;
  }
}

/** Of a folder its name alone: the path that leads to it is no client's business. */
function nameOf(source: string): string {
  return existsSync(source) ? basename(resolve(source)) : source;
}
