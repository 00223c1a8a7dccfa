import { ModelLoadError } from "../errors.js";
import type { FamilyPlugin } from "./family.js";
import { llava } from "./llava.js";
import { qwen2Vl, qwen3Vl, qwen25Vl } from "./qwen-vl.js";

/** Every family: the one place to register a new one. */
export const FAMILIES: readonly FamilyPlugin[] = [llava, qwen2Vl, qwen25Vl, qwen3Vl];

/**
 * The family of a checkpoint.
 *
 * @param modelType `model_type` in its config.json
 * @throws ModelLoadError when none takes it
 */
export function familyOf(modelType: string): FamilyPlugin {
  const plugin = FAMILIES.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (plugin !== undefined) return plugin;
  const known = FAMILIES.flatMap(({ modelTypes }) => modelTypes).join(", ");
  throw new ModelLoadError(
    `config.json: received model_type '${modelType}'; supported are ${known}`,
  );
}
