import { checkNames } from "../arguments/check-names.js";
import { integerIn, shown } from "../arguments/numbers.js";
import { InvalidArgumentError } from "../errors.js";
import type { BatchOptions, ProbeOptions } from "./model.js";
import type { GenerateRequest } from "./request.js";

const BATCH_OPTIONS = [
  "maxStreams",
  "onPiece",
  "onAnswer",
] as const satisfies readonly (keyof BatchOptions)[];

/**
 * Checks what a batch is given besides the requests themselves.
 *
 * @returns the requests, holes of the list as undefined, and the options
 * @throws InvalidArgumentError naming what was received and what is expected
 */
export function checkBatch(
  requests: readonly GenerateRequest[],
  options: BatchOptions | undefined = {},
): { requests: readonly GenerateRequest[]; options: BatchOptions } {
  if (!Array.isArray(requests)) {
    throw new InvalidArgumentError(`requests: received ${shown(requests)}; expected a list`);
  }
  checkRecord("options", options, "{ maxStreams: 4 }");
  checkNames(options, BATCH_OPTIONS, "a batch has no option");
  if (options.maxStreams !== undefined) integerIn("maxStreams", options.maxStreams, 1);
  for (const name of ["onPiece", "onAnswer"] as const) {
    const given: unknown = options[name];
    if (given === undefined || typeof given === "function") continue;
    throw new InvalidArgumentError(`${name}: received ${shown(given)}; expected a function`);
  }
  return { requests: Array.from(requests), options };
}

/** @throws InvalidArgumentError for options of `probe` that are none */
export function checkProbeOptions(options: ProbeOptions | undefined = {}): Required<ProbeOptions> {
  checkRecord("options of probe", options, "{ edits: [] }");
  checkNames(options, ["edits"], "probe has no option");
  const { edits = [] } = options;
  const isList = Array.isArray(edits) && edits.every((one) => typeof one?.edit === "object");
  if (isList) return { edits };
  throw new InvalidArgumentError(
    `edits: received ${shown(edits)}; expected a list of { edit, strength }`,
  );
}

/** @throws InvalidArgumentError when a value is no plain record */
export function checkRecord(name: string, value: unknown, example: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new InvalidArgumentError(
    `${name}: received ${shown(value)}; expected an object, for example ${example}`,
  );
}
