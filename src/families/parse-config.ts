import { z } from "zod";
import { ModelLoadError } from "../errors.js";
import type { CheckpointFacts, FamilyContext } from "./family.js";

/** Fields that several families read. */
export const TOKEN_ID: z.ZodNumber = z.number().int().nonnegative();
export const SIZE: z.ZodNumber = z.number().int().positive();

/** An id, several, or none. */
export const TOKEN_IDS: z.ZodType<number | number[] | null | undefined> = z
  .union([TOKEN_ID, z.array(TOKEN_ID)])
  .nullish();

/** Heads and head size of a text model's cache, as far as its configuration tells them. */
export function cacheShape(text: {
  readonly hidden_size?: number | undefined;
  readonly num_attention_heads?: number | undefined;
  readonly num_key_value_heads?: number | null | undefined;
  readonly head_dim?: number | null | undefined;
}): CheckpointFacts["cache"] {
  const { hidden_size: width, num_attention_heads: all } = text;
  const heads = text.num_key_value_heads ?? all;
  const headSize = text.head_dim ?? (width && all && width / all);
  return heads === undefined || headSize === undefined ? undefined : { heads, headSize };
}

/** Fields of the language model that families with caches of open shapes read, apart from its context length. */
export const TEXT_FIELDS: {
  readonly hidden_size: z.ZodOptional<z.ZodNumber>;
  readonly num_hidden_layers: z.ZodOptional<z.ZodNumber>;
  readonly num_attention_heads: z.ZodOptional<z.ZodNumber>;
  readonly num_key_value_heads: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly head_dim: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly vocab_size: z.ZodOptional<z.ZodNumber>;
  readonly eos_token_id: typeof TOKEN_IDS;
} = {
  hidden_size: SIZE.optional(),
  num_hidden_layers: SIZE.optional(),
  num_attention_heads: SIZE.optional(),
  num_key_value_heads: SIZE.nullish(),
  head_dim: SIZE.nullish(),
  vocab_size: SIZE.optional(),
  eos_token_id: TOKEN_IDS,
};

/**
 * The text of the token that stands for images.
 *
 * @throws ModelLoadError when the tokenizer does not know it
 */
export function namedToken(id: number, tokenText: FamilyContext["tokenText"]): string {
  const text = tokenText(id);
  if (text !== "") return text;
  throw new ModelLoadError(
    `config.json: the image token has id ${id}, which the tokenizer does not know`,
  );
}

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
