import { InvalidArgumentError } from "../errors.js";

/**
 * Names that texts can be read for, without blanks around them; empty ones are left out.
 *
 * @throws InvalidArgumentError for one of more than two words, which would never be found
 */
export function checkObjectNames(names: Iterable<string>): string[] {
  const trimmed = [...names].map((name) => name.trim());
  const long = trimmed.find((name) => name.split(/\s+/).length > 2);
  if (long === undefined) return trimmed.filter((name) => name !== "");
  throw new InvalidArgumentError(
    `objects: received '${long}'; expected names of one word or two, as texts are read for`,
  );
}
