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
    const names = known.length === 0 ? "it has none" : `known are ${known.join(", ")}`;
    const hint = suggestion === undefined ? names : `did you mean ${suggestion}?`;
    throw new InvalidArgumentError(`${refusal} '${name}'; ${hint}`);
  }
}
