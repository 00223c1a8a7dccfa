import { answerChat, type ChatSetup } from "../chat/answer-chat.js";
import type { ChatEvents, ChatJob, ChatResult } from "../chat/chat-job.js";
import { chatMethod, fittingFiles, offeredMethods } from "../chat/chat-method.js";
import { InferenceError, InvalidArgumentError, type Model } from "../index.js";
import type { Inference, ServedModel } from "./inference.js";

/**
 * Serves loaded models in this process, whose event loop a long prefill holds up. They are its own from now on: `close`
 * disposes of them.
 *
 * @param models each by the name that requests use, or by its own id
 * @param setup each steering file is offered for the model that it was fitted on
 * @throws InvalidArgumentError for names that occur twice, steering files of other models, an unknown default method
 * @throws UnsupportedCapabilityError where a model does not offer what the default method needs
 */
export async function localInference(
  models: readonly Model[] | ReadonlyMap<string, Model>,
  { steering = new Map(), ...setup }: ChatSetup = {},
): Promise<Inference> {
  const served = new Map<string, { model: Model; told: ServedModel; setup: ChatSetup }>();
  const fitting = new Set<string>();
  for (const [name, model] of named(models)) {
    if (served.has(name)) {
      throw new InvalidArgumentError(`models: received '${name}' twice; give each its own name`);
    }
    const files = await fittingFiles(model, steering);
    for (const file of files.keys()) fitting.add(file);
    await model.prepare(chatMethod({}, files, setup.method));
    const told = {
      ...model.info,
      id: name,
      hash: await model.hash(),
      methods: offeredMethods(files),
    };
    served.set(name, { model, told, setup: { ...setup, steering: files } });
  }
  const strange = [...steering.keys()].find((name) => !fitting.has(name));
  if (strange !== undefined) {
    throw new InvalidArgumentError(
      `steering '${strange}': it was fitted on another model than ${[...served.keys()].join(", ")}; fit it anew with 'groundsight steer fit'`,
    );
  }
  let disposal: Promise<unknown> | undefined;
  return {
    models: [...served.values()].map(({ told }) => told),
    get isReady() {
      return disposal === undefined;
    },
    async chat(name: string, job: ChatJob, events?: ChatEvents): Promise<ChatResult> {
      if (disposal !== undefined) throw new InferenceError("the models are no longer served");
      const { model, setup } = served.get(name) ?? {};
      if (model === undefined) {
        throw new InvalidArgumentError(
          `model: received '${name}'; expected one of ${[...served.keys()].join(", ")}`,
        );
      }
      return answerChat(model, job, events, setup);
    },
    async close() {
      disposal ??= Promise.all([...served.values()].map(({ model }) => model.dispose()));
      await disposal;
    },
  };
}

function named(models: readonly Model[] | ReadonlyMap<string, Model>): Iterable<[string, Model]> {
  return Array.isArray(models)
    ? models.map((model: Model) => [model.info.id, model])
    : (models as ReadonlyMap<string, Model>);
}
