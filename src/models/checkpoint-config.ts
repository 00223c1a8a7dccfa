import { z } from "zod";

type TokenIds = number | number[] | null | undefined;

/** What the engine reads of a config.json; other fields are left to the family. */
export interface CheckpointConfig {
  readonly model_type: string;
  readonly image_token_id?: number | undefined;
  readonly image_token_index?: number | undefined;
  readonly eos_token_id?: TokenIds;
  readonly vision_config?: { readonly patch_size?: number | undefined } | undefined;
  readonly text_config: {
    readonly hidden_size: number;
    readonly num_hidden_layers: number;
    readonly vocab_size: number;
    readonly max_position_embeddings: number;
    readonly eos_token_id?: TokenIds;
  };
}

/** What the engine reads of a generation_config.json. */
export interface GenerationConfig {
  readonly eos_token_id?: TokenIds;
  readonly max_new_tokens?: number | null | undefined;
}

const id = z.number().int();
const size = z.number().int().positive();
const tokenIds = z.union([id, z.array(id)]).nullish();

/** Checks a config.json. Sizes left out have the defaults of transformers' LlamaConfig. */
export const CHECKPOINT_CONFIG: z.ZodType<CheckpointConfig> = z.looseObject({
  model_type: z.string(),
  image_token_id: id.optional(),
  image_token_index: id.optional(),
  eos_token_id: tokenIds,
  vision_config: z.looseObject({ patch_size: size.optional().catch(undefined) }).optional(),
  text_config: z.looseObject({
    hidden_size: size.default(4096),
    num_hidden_layers: size.default(32),
    vocab_size: size.default(32000),
    max_position_embeddings: size.default(2048),
    eos_token_id: tokenIds,
  }),
});

/** Checks a generation_config.json. */
export const GENERATION_CONFIG: z.ZodType<GenerationConfig> = z.looseObject({
  eos_token_id: tokenIds,
  max_new_tokens: size.nullish(),
});
