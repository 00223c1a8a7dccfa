import { z } from "zod";
import { ModelLoadError } from "../errors.js";

/** Fields that several families read. */
export const TOKEN_ID: z.ZodNumber = z.number().int().nonnegative();
export const SIZE: z.ZodNumber = z.number().int().positive();

/** An id, several, or none. */
export const TOKEN_IDS: z.ZodType<number | number[] | null | undefined> = z
  .union([TOKEN_ID, z.array(TOKEN_ID)])
  .nullish();

/**
 * Reads the part of a config.json that a family understands.
 *
 * @throws ModelLoadError naming the field that is missing or wrong
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: unknown,
): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(config);
  if (success) return data;
  const [issue] = error.issues;
  throw new ModelLoadError(`config.json: ${issue!.path.join(".")}: ${issue!.message}`, {
    cause: error,
  });
}
