import { InvalidArgumentError, type Method } from "../index.js";
import { type MethodFlags, methodsFrom } from "./method-options.js";
import { listOf } from "./options.js";

/** Values of the options that a run's methods depend on. */
export interface RunMethodFlags extends MethodFlags {
  readonly methods: string;
  readonly without: string;
}

const ALWAYS = ["regular", "apc"];

/**
 * The methods of a run, by their names as written: baseline and control first unless left out by name, then those
 * asked for.
 *
 * @throws InvalidArgumentError for unknown names, and for vti without directions
 */
export async function runMethods(flags: RunMethodFlags): Promise<Map<string, Method>> {
  const without = listOf(flags.without);
  const unknown = without.find((name) => !ALWAYS.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`without: received ${unknown}; expected regular, apc`);
  }
  const names = [...new Set([...ALWAYS, ...listOf(flags.methods)])].filter(
    (name) => !without.includes(name),
  );
  const methods = await methodsFrom(names, flags);
  return new Map(names.map((name, i) => [name, methods[i]!]));
}
