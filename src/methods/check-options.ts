import { InvalidArgumentError } from "../errors.js";
import { closest } from "../math/closest.js";

/**
 * Refuses options that do not exist, by name, with a suggestion.
 *
 * @param owner what the options belong to, for the message
 * @throws InvalidArgumentError
 */
export function checkOptions(owner: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const suggestion = closest(name, known);
    const hint =
      suggestion === undefined ? `it has ${known.join(", ")}` : `did you mean ${suggestion}?`;
    throw new InvalidArgumentError(`${owner} has no option '${name}'; ${hint}`);
  }
}
