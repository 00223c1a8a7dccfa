import type { ModelFamily } from "../engine/family.js";
import { ModelLoadError } from "../errors.js";
import type { CheckpointConfig } from "./checkpoint-config.js";
import { llava } from "./llava.js";

/** What a family is bound to. */
export interface FamilyContext {
  readonly config: CheckpointConfig;
  /** Text of a token, special ones included. */
  tokenText(id: number): string;
}

/** A checkpoint family as a plug-in: which checkpoints it takes, and how their prompts are laid out. */
export interface FamilyPlugin {
  readonly name: string;
  /** Values of `model_type` in config.json. */
  readonly modelTypes: readonly string[];
  /** @throws ModelLoadError when the configuration lacks something */
  configure(context: FamilyContext): ModelFamily;
}

/** Every family: the one place to register a new one. */
export const FAMILIES: readonly FamilyPlugin[] = [llava];

/**
 * The family of a checkpoint.
 *
 * @throws ModelLoadError when none takes its model_type
 */
export function familyOf(context: FamilyContext): ModelFamily {
  const { model_type: modelType } = context.config;
  const plugin = FAMILIES.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (plugin !== undefined) return plugin.configure(context);
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes).join(", ");
  throw new ModelLoadError(
    `config.json: received model_type '${modelType}'; supported are ${known}`,
  );
}
