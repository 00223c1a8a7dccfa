import type { TensorData } from "../engine/tensor-data.js";
import { InferenceError } from "../errors.js";
import type { ProcessorOutput } from "./family.js";

/**
 * A tensor that the image processor made.
 *
 * @param rank how many dimensions it has to have, where that tells families apart
 * @throws InferenceError when there is none of this name and rank
 */
export function madeTensor<Data extends TensorData["data"] | BigInt64Array | Uint8Array>(
  made: ProcessorOutput,
  name: string,
  rank?: number,
): TensorData<Data> {
  const value = made[name] as TensorData<Data> | undefined;
  if (value?.data === undefined) throw otherFamily(made, name);
  const { data, dims } = value;
  if (rank === undefined || dims.length === rank) return { data, dims };
  throw new InferenceError(
    `the image processor makes ${name} of shape (${dims.join(", ")}); expected ${rank} dimensions; ${OTHER}`,
  );
}

/**
 * A number that the image processor made.
 *
 * @throws InferenceError when there is none of this name
 */
export function madeNumber(made: ProcessorOutput, name: string): number {
  const value = made[name];
  if (typeof value === "number") return value;
  throw otherFamily(made, name);
}

const OTHER = "preprocessor_config.json is another family's";

function otherFamily(made: ProcessorOutput, name: string): InferenceError {
  return new InferenceError(
    `the image processor makes no ${name}; it makes ${namesOf(made).join(", ")}; ${OTHER}`,
  );
}

/** What the processor's graphs take: not what is said of the picture beside it. */
function namesOf({ area: _, ...made }: ProcessorOutput): string[] {
  return Object.keys(made);
}
