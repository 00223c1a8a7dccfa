import type { TunedSetting } from "../eval/index.js";
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
 * asked for, and those that were tuned.
 *
 * @throws InvalidArgumentError for unknown names, for vti without directions, and for a method that was tuned twice
 */
export async function runMethods(
  flags: RunMethodFlags,
  tuned: readonly TunedSetting[] = [],
): Promise<Map<string, Method>> {
  const settings = new Map(tuned.map(({ name, method }) => [name, method]));
  if (settings.size < tuned.length) {
    throw new InvalidArgumentError("settings: received two for one method; expected one of each");
  }
  const replaced = tuned.find(({ name, method }) => ALWAYS.includes(name) && method.name !== name);
  if (replaced !== undefined) {
    throw new InvalidArgumentError(
      `settings: received ${replaced.method.name} under the name of ${replaced.name}, which others are held against; expected the file as 'groundsight tune' wrote it`,
    );
  }
  const without = listOf(flags.without);
  const unknown = without.find((name) => !ALWAYS.includes(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`without: received ${unknown}; expected regular, apc`);
  }
  const names = [...new Set([...ALWAYS, ...listOf(flags.methods), ...settings.keys()])].filter(
    (name) => !without.includes(name),
  );
  const methods = await methodsFrom(
    names.map((name) => settings.get(name) ?? name),
    flags,
  );
  return new Map(names.map((name, i) => [name, methods[i]!]));
}
