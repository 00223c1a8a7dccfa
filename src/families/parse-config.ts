import { z } from "zod";
import { ModelLoadError } from "../errors.js";
import type { CacheSizes, CheckpointFacts, FamilyContext } from "./family.js";
import { withTextConfig } from "./flat-config.js";

/** Fields that several families read. */
export const TOKEN_ID: z.ZodNumber = z.number().int().nonnegative();
/** The token that stands for images; LLaVA's own code has -200 for it, and so do exports of its kind. */
export const IMAGE_TOKEN_ID: z.ZodNumber = z.number().int();
export const SIZE: z.ZodNumber = z.number().int().positive();

/** An id, several, or none. */
export const TOKEN_IDS: z.ZodType<number | number[] | null | undefined> = z
  .union([TOKEN_ID, z.array(TOKEN_ID)])
  .nullish();

/** Fields of the language model that families read. */
export const TEXT_FIELDS: {
  readonly max_position_embeddings: z.ZodNumber;
  readonly hidden_size: z.ZodOptional<z.ZodNumber>;
  readonly num_hidden_layers: z.ZodOptional<z.ZodNumber>;
  readonly num_kv_shared_layers: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly num_attention_heads: z.ZodOptional<z.ZodNumber>;
  readonly num_key_value_heads: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly head_dim: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
  readonly vocab_size: z.ZodOptional<z.ZodNumber>;
  readonly eos_token_id: typeof TOKEN_IDS;
  readonly linear_conv_kernel_dim: z.ZodOptional<z.ZodNumber>;
  readonly linear_num_key_heads: z.ZodOptional<z.ZodNumber>;
  readonly linear_num_value_heads: z.ZodOptional<z.ZodNumber>;
  readonly linear_key_head_dim: z.ZodOptional<z.ZodNumber>;
  readonly linear_value_head_dim: z.ZodOptional<z.ZodNumber>;
} = {
  max_position_embeddings: SIZE,
  hidden_size: SIZE.optional(),
  num_hidden_layers: SIZE.optional(),
  num_kv_shared_layers: z.number().int().nonnegative().nullish(),
  num_attention_heads: SIZE.optional(),
  num_key_value_heads: SIZE.nullish(),
  head_dim: SIZE.nullish(),
  vocab_size: SIZE.optional(),
  eos_token_id: TOKEN_IDS,
  linear_conv_kernel_dim: SIZE.optional(),
  linear_num_key_heads: SIZE.optional(),
  linear_num_value_heads: SIZE.optional(),
  linear_key_head_dim: SIZE.optional(),
  linear_value_head_dim: SIZE.optional(),
};

/** What facts are read from. */
interface ModelConfig {
  readonly eos_token_id?: z.infer<typeof TOKEN_IDS>;
  readonly text_config: z.infer<z.ZodObject<typeof TEXT_FIELDS>>;
  readonly vision_config?: { readonly patch_size?: number | undefined } | undefined;
}

/** The facts that a configuration tells in the same way for every family. */
export function factsOf(config: ModelConfig): CheckpointFacts {
  const { text_config: text, vision_config: vision } = config;
  const { num_hidden_layers: layers, num_kv_shared_layers: shared } = text;
  return {
    contextLength: text.max_position_embeddings,
    vocabularySize: text.vocab_size,
    hiddenSize: text.hidden_size,
    layers,
    cachedLayers: layers === undefined ? undefined : layers - (shared ?? 0),
    endTokens: [config.eos_token_id ?? text.eos_token_id ?? []].flat(),
    patchSize: vision?.patch_size,
    cache: cacheShape(text),
  };
}

/** Sizes of what a text model keeps of a context, as far as its configuration tells them. */
function cacheShape(text: ModelConfig["text_config"]): CheckpointFacts["cache"] {
  const { hidden_size: width, num_attention_heads: all } = text;
  const heads = text.num_key_value_heads ?? all;
  const headSize = text.head_dim ?? (width && all && width / all);
  if (heads === undefined || headSize === undefined) return undefined;
  return { heads, headSize, ...linearStates(text) };
}

/** Shapes of the states of linear attention, where a text model has such layers. */
function linearStates(text: ModelConfig["text_config"]): Pick<CacheSizes, "states"> {
  const { linear_num_key_heads: keys, linear_num_value_heads: values } = text;
  const { linear_key_head_dim: keySize, linear_value_head_dim: valueSize } = text;
  const { linear_conv_kernel_dim: kernel } = text;
  if (!keys || !values || !keySize || !valueSize || !kernel) return {};
  return {
    states: {
      conv: [2 * keys * keySize + values * valueSize, kernel],
      recurrent: [values, keySize, valueSize],
    },
  };
}

/**
 * The text of a token that config.json names.
 *
 * @param token what it is: the one that stands for images, unless said otherwise
 * @throws ModelLoadError when the tokenizer does not know it
 */
export function namedToken(
  id: number,
  tokenText: FamilyContext["tokenText"],
  token = "the image token",
): string {
  const text = tokenText(id);
  if (text !== "") return text;
  throw new ModelLoadError(`config.json: ${token} has id ${id}, which the tokenizer does not know`);
}

/**
 * Reads the part of a config.json that a family understands; the language model's fields are in `text_config`, wherever
 * the file has them, and the image token's id has both names that files give it.
 *
 * @throws ModelLoadError naming the field that is missing or wrong
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: unknown,
): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(withImageToken(withTextConfig(config)));
  if (success) return data;
  throw shapeFailure("config.json", error);
}

/**
 * What is wrong with the first field of a file that is.
 *
 * @param file its name or path
 */
export function shapeFailure(file: string, error: z.ZodError): ModelLoadError {
  const { path, message } = error.issues[0]!;
  return new ModelLoadError(
    [file, ...(path.length > 0 ? [path.join(".")] : []), message].join(": "),
    {
      cause: error,
    },
  );
}

/** Older files have `image_token_index` where newer ones have `image_token_id`, in families of the one and of the other. */
function withImageToken(config: unknown): unknown {
  if (typeof config !== "object" || config === null) return config;
  const { image_token_id: id, image_token_index: index } = config as Readonly<
    Record<string, unknown>
  >;
  if (id === undefined && index === undefined) return config;
  return { ...config, image_token_id: id ?? index, image_token_index: index ?? id };
}
