import type { z } from "zod";
import { ModelLoadError } from "../../errors.js";

type Content = Readonly<Record<string, unknown>>;

/** The fields of a preprocessor_config.json that say something: all but nulls. */
export function givenSettings(content: Content): Content {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== null));
}

/**
 * Refuses what is switched on and not known.
 *
 * @param known names of settings that are read
 * @param inert names of those that change no number
 * @throws ModelLoadError naming a setting that may change pixels
 */
export function refuseUnknown(
  given: Content,
  known: readonly string[],
  inert: readonly RegExp[],
): void {
  for (const [field, value] of Object.entries(given)) {
    const isKnown = known.includes(field) || inert.some((pattern) => pattern.test(field));
    if (isKnown || value === false) continue;
    throw new ModelLoadError(
      `preprocessor_config.json: ${field} is not understood, and may change what the model sees; expected ${known.join(", ")}`,
    );
  }
}

/** @throws ModelLoadError naming a setting that is wrong */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  given: Content,
): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const [{ path, message }] = error.issues as [z.core.$ZodIssue];
  const field = String(path[0]);
  throw new ModelLoadError(
    `preprocessor_config.json: ${field}: received ${JSON.stringify(given[field])}; ${message}`,
  );
}
