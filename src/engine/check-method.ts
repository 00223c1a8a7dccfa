import { shown } from "../arguments/numbers.js";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../errors.js";
import type { Backend } from "./backend.js";
import type { Method, MethodSession } from "./method.js";

/**
 * Refuses what is no method.
 *
 * @throws InvalidArgumentError saying what was received
 */
export function checkMethod(method: unknown): asserts method is Method {
  const { name, needs, start } = (method ?? {}) as Partial<Method>;
  if (typeof start !== "function") {
    throw new InvalidArgumentError(
      `method: received ${typeof method === "string" ? JSON.stringify(method) : shown(method)}; expected a method, for example vcd({ alpha: 1 })`,
    );
  }
  if (typeof needs !== "object" || needs === null || Array.isArray(needs)) {
    throw new InvalidArgumentError(
      `method ${name}: its needs are ${shown(needs)}; expected a record, for example { image: true } or {}`,
    );
  }
}

/**
 * Refuses a session without streams.
 *
 * @throws InvalidArgumentError naming the method
 */
export function checkSession({ name }: Method, session: MethodSession): MethodSession {
  const streams: unknown = session?.streams;
  const isList = Array.isArray(streams) && streams.length > 0;
  if (isList && streams.every((stream) => Array.isArray(stream?.view))) return session;
  throw new InvalidArgumentError(
    `method ${name}: its session has streams ${shown(streams)}; expected at least one, each with a view`,
  );
}

/**
 * Refuses a method that needs what a model does not offer.
 *
 * @throws UnsupportedCapabilityError naming method, need and model
 */
export function checkNeeds({ name, needs }: Method, { info, offers }: Backend): void {
  const refuse = (need: string, remedy: string): never => {
    throw new UnsupportedCapabilityError(
      `method ${name} needs ${need}, which model ${info.id} does not offer; ${remedy}`,
    );
  };
  if (needs.image === true && !offers.images) refuse("images", "use a vision-language model");
  if (needs.fullVocabulary === true && !offers.fullVocabulary) {
    refuse(
      "the logits of the whole vocabulary",
      "its engine returns only the best tokens: use a method that does with them, or run the checkpoint here",
    );
  }
  if (needs.unknownToken === true && offers.unknownToken !== true) {
    refuse(
      "an unknown token of the tokenizer (unk_token in tokenizer_config.json)",
      "contrast with no image at all (nullImage none)",
    );
  }
  if (needs.baseLlm === true && !offers.baseLlm) {
    refuse("the base LLM of the checkpoint", "use another method");
  }
  for (const { stage, graph, key } of needs.edits ?? []) {
    if (!offers.edits.has(stage)) {
      refuse(
        `an edit of the ${graph} graph (${key})`,
        "use a method without edits, or a checkpoint in ONNX",
      );
    }
  }
}
