import { z } from "zod";
import { ModelLoadError } from "../../errors.js";

/** What is used of an adapter_config.json. */
export interface PeftConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora?: boolean | null | undefined;
  /** Other ranks and alphas, by regular expressions of module names. */
  readonly rank_pattern?: Readonly<Record<string, number>> | null | undefined;
  readonly alpha_pattern?: Readonly<Record<string, number>> | null | undefined;
  /** The checkpoint that the adapter was trained on. */
  readonly base_model_name_or_path?: string | null | undefined;
  /** The version of that checkpoint on the hub. */
  readonly revision?: string | null | undefined;
}

const RANK = z.number().int().positive();

const FIELDS = {
  peft_type: z.literal("LORA"),
  r: RANK,
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), RANK).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  bias: z.literal("none").nullish(),
  // Others (pissa, olora, loftq, ...) change the base weights too, which the adapter's file does not hold.
  init_lora_weights: z.union([z.boolean(), z.enum(["gaussian", "eva", "orthogonal"])]).nullish(),
};
const CONFIG: z.ZodType<PeftConfig> = z.looseObject(FIELDS);

/** Fields that do not bear on trained weights: how they were trained, and which modules, as their file tells too. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...["auto_mapping", "inference_mode", "peft_version", "runtime_config", "task_type"],
  ...["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"],
  ...["lora_dropout", "loftq_config", "eva_config", "corda_config", "lora_ga_config"],
  // A and B lie in the same way whichever way the base weight does, and the graph says how that lies.
  ...["fan_in_fan_out", "megatron_core", "qalora_group_size"],
]);

/**
 * Reads an adapter_config.json of PEFT.
 *
 * @throws ModelLoadError naming the field that is wrong, or that asks for what is not done (DoRA, biases, further
 * modules, fields of newer versions): nothing is left out silently
 * @see https://huggingface.co/docs/peft/package_reference/lora
 */
export function readPeftConfig(content: unknown): PeftConfig {
  const { success, data, error } = CONFIG.safeParse(content);
  if (!success) {
    const [issue] = error.issues;
    throw new ModelLoadError(`${issue!.path.join(".") || "content"}: ${issue!.message}`, {
      cause: error,
    });
  }
  for (const [field, value] of Object.entries(data)) {
    if (Object.hasOwn(FIELDS, field) || WITHOUT_EFFECT.has(field) || isEmpty(value)) continue;
    throw new ModelLoadError(
      `${field}: received ${JSON.stringify(value).slice(0, 60)}, which is not supported; train a plain LoRA adapter without it, or merge this one in PyTorch (merge_and_unload) and export the checkpoint anew`,
    );
  }
  return data;
}

/** The rank that a module's update must have, and its scale. @throws ModelLoadError for a pattern that is none */
export function rankAndScale(config: PeftConfig, name: string): { rank: number; scale: number } {
  const rank = byPattern(config.rank_pattern, name) ?? config.r;
  const alpha = byPattern(config.alpha_pattern, name) ?? config.lora_alpha;
  return { rank, scale: alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank) };
}

/** The value of the first pattern that a module's name ends in. */
function byPattern(
  patterns: Readonly<Record<string, number>> | null | undefined,
  name: string,
): number | undefined {
  for (const [pattern, value] of Object.entries(patterns ?? {})) {
    let expression: RegExp;
    try {
      expression = new RegExp(`^(.*\\.)?(${pattern})$`);
    } catch (cause) {
      throw new ModelLoadError(`pattern ${JSON.stringify(pattern)}: ${(cause as Error).message}`, {
        cause,
      });
    }
    if (expression.test(name)) return value;
  }
  return undefined;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
