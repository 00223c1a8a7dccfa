import { UnsupportedCapabilityError } from "../errors.js";

/** By these the AI SDK knows its errors (`NoSuchModelError.isInstance`), whatever package they are from. */
const MARKS = ["vercel.ai.error", "vercel.ai.error.AI_NoSuchModelError"];

/** A kind of model that the provider does not have. */
export class NoSuchModelError extends UnsupportedCapabilityError {
  readonly modelId: string;
  readonly modelType: string;

  constructor(modelId: string, modelType: string) {
    super(
      `${modelType} '${modelId}': groundsight has language models alone; use another provider for it`,
    );
    this.modelId = modelId;
    this.modelType = modelType;
    for (const mark of MARKS) Object.defineProperty(this, Symbol.for(mark), { value: true });
  }
}
