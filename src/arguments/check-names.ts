import { InvalidArgumentError } from "../errors.js";
import { closest } from "./closest.js";

/**
 * Refuses options that do not exist, by name, with a suggestion.
 *
 * @param given an object of options
 * @param refusal begins the message, for example "vcd has no option"
 * @throws InvalidArgumentError
 */
export function checkNames(given: object, known: readonly string[], refusal: string): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const suggestion = closest(name, known);
    const hint =
      suggestion === undefined ? `known are ${known.join(", ")}` : `did you mean ${suggestion}?`;
    throw new InvalidArgumentError(`${refusal} '${name}'; ${hint}`);
  }
}
