import type { LanguageModelV4, ProviderV4 } from "@ai-sdk/provider";
import { fittingFiles } from "../chat/chat-method.js";
import {
  InferenceError,
  InvalidArgumentError,
  type LoadOptions,
  load,
  type Model,
  parseMethodText,
  type SteeringDirections,
} from "../index.js";
import { GroundsightLanguageModel, type OpenedModel } from "./language-model.js";
import { NoSuchModelError } from "./no-such-model-error.js";

/** Options of {@link createGroundsight}. */
export interface GroundsightOptions {
  /** Models that are loaded already, by the id that they are used by; `dispose` leaves them. Default none. */
  readonly models?: Readonly<Record<string, Model>>;
  /** How other models are loaded, at the first call: options of `load`, for example `{ worker: true }`. */
  readonly load?: LoadOptions;
  /** Steering files, by the name that `providerOptions.groundsight.steer` uses; each counts for the model that it was fitted on. */
  readonly steering?: Readonly<Record<string, SteeringDirections>>;
  /** The method of calls that name none. Default "regular". */
  readonly method?: string;
}

/**
 * A provider of the AI SDK whose models run in this process. Call it with a model's id: a bundled name, a folder or a hub
 * id, with a method behind a colon where one is wanted: `groundsight("pocket")`, `groundsight("pocket:vti+vcd:alpha=2")`.
 */
export interface GroundsightProvider extends ProviderV4 {
  (modelId: string): LanguageModelV4;
  /** Frees the models that it has loaded; calls under way are aborted. */
  dispose(): Promise<void>;
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a provider for the AI SDK. Nothing is loaded before the first call; each checkpoint is loaded once, and calls that
 * overlap are decoded together.
 *
 * @throws InvalidArgumentError when a method is unknown
 */
export function createGroundsight({
  models = {},
  load: options = {},
  steering = {},
  method,
}: GroundsightOptions = {}): GroundsightProvider {
  if (method !== undefined) parseMethodText(method);
  const loaded = new Map<string, Promise<Model>>();
  const opened = new Map<string, Promise<OpenedModel>>();
  const files = new Map(Object.entries(steering));
  let isDisposed = false;
  const modelFor = (id: string): Promise<Model> => {
    const given = Object.hasOwn(models, id) ? models[id] : undefined;
    if (given !== undefined) return Promise.resolve(given);
    return remembered(loaded, id, () => load(id, options));
  };
  const open = async (id: string): Promise<OpenedModel> => {
    if (isDisposed) {
      throw new InferenceError(`${id}: the provider was disposed of; make another one`);
    }
    return remembered(opened, id, async () => {
      const model = await modelFor(id);
      const setup = { steering: await fittingFiles(model, files), ...(method && { method }) };
      return { model, setup };
    });
  };
  const languageModel = (modelId: string): LanguageModelV4 => {
    const [id, ofId] = splitModelId(modelId, models);
    // The empty path is the folder that the program was started in.
    if (id === "") throw new InvalidArgumentError(`model: received '${modelId}'; expected an id`);
    if (ofId !== undefined) parseMethodText(ofId);
    return new GroundsightLanguageModel(modelId, () => open(id), ofId);
  };
  const dispose = async (): Promise<void> => {
    isDisposed = true;
    const all = [...loaded.values()];
    loaded.clear();
    for (const result of await Promise.allSettled(all)) {
      if (result.status === "fulfilled") await result.value.dispose();
    }
  };
  const none = (modelType: string) => (modelId: string) => {
    throw new NoSuchModelError(modelId, modelType);
  };
  return Object.assign((modelId: string) => languageModel(modelId), {
    specificationVersion: "v4" as const,
    languageModel,
    embeddingModel: none("embeddingModel"),
    imageModel: none("imageModel"),
    dispose,
    [Symbol.asyncDispose]: dispose,
  });
}

/** A model's id and the method behind its first colon; a drive's letter is part of a path. */
function splitModelId(
  modelId: string,
  models: Readonly<Record<string, Model>>,
): [id: string, method?: string] {
  const known = Object.keys(models).sort((a, b) => b.length - a.length);
  const given = known.find((id) => modelId === id || modelId.startsWith(`${id}:`));
  const colon = given?.length ?? modelId.indexOf(":", /^[a-z]:[\\/]/i.test(modelId) ? 2 : 0);
  if (colon < 0 || colon >= modelId.length) return [modelId];
  return [modelId.slice(0, colon), modelId.slice(colon + 1)];
}

/** What was made under a name before, or is made now; what failed is tried again the next time. */
function remembered<T>(
  made: Map<string, Promise<T>>,
  name: string,
  make: () => Promise<T>,
): Promise<T> {
  const before = made.get(name);
  if (before !== undefined) return before;
  const now = make();
  made.set(name, now);
  now.catch(() => made.delete(name));
  return now;
}
