import { type Model, type StepOutputs, UnsupportedCapabilityError } from "../../index.js";

/** @throws UnsupportedCapabilityError when they are those of the likeliest tokens alone */
export function requireAllLogits({ info }: Model, outputs: StepOutputs): StepOutputs {
  if (outputs.known === undefined) return outputs;
  throw new UnsupportedCapabilityError(
    `${info.id} tells its likeliest tokens only; an explanation takes the logits of all: use a model whose graphs run here`,
  );
}
