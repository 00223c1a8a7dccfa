import { UnsupportedCapabilityError } from "../errors.js";
import type { Backend } from "./backend.js";
import type { Method } from "./method.js";

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
