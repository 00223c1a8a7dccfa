import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { chatMethod } from "../chat/chat-method.js";
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
  const names = models.map(({ source, name = nameOf(source) }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new InvalidArgumentError(`models: received '${twice}' twice; give each its own name`);
  }
  // Which of several files fits is known when the models are there.
  if ((setup.steering?.size ?? 0) === 0) chatMethod({}, new Map(), setup.method);
  const loaded = new Map<string, Model>();
  try {
    for (const [i, { source, options }] of models.entries()) {
      const telling = onProgress === undefined ? {} : { onProgress };
      loaded.set(names[i]!, await load(source, { ...options, ...telling }));
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
