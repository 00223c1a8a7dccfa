import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GroundsightError, ModelLoadError } from "../errors.js";
import type { ModuleUpdate } from "../onnx/adapters/adapter.js";
import { type PeftConfig, readPeftConfig } from "../onnx/adapters/peft-config.js";
import { readPeftModules } from "../onnx/adapters/peft-modules.js";
import { readSafetensors } from "../vti/safetensors.js";
import type { Dtype } from "./checkpoint-folder.js";
import { readJsonFile } from "./read-text-file.js";
import { isFolder, isRegularFile } from "./regular-file.js";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** Precisions whose weights an adapter can be merged into. */
export const MERGEABLE: readonly Dtype[] = ["fp32", "fp16"];

/** A LoRA adapter as PEFT saves it, read. */
export interface Adapter {
  readonly updates: readonly ModuleUpdate[];
  /** SHA-256 over its two files, in hex. */
  readonly hash: string;
}

/**
 * Whether a folder is a variant: an adapter that stands for the checkpoint it names.
 *
 * @throws ModelLoadError when it is a checkpoint as well, since one of the two would be left out
 */
export function isVariant(folder: string): boolean {
  if (!isFolder(folder) || !isRegularFile(join(folder, CONFIG))) return false;
  if (!isRegularFile(join(folder, "config.json"))) return true;
  throw new ModelLoadError(
    `${folder} holds a checkpoint and an adapter (${CONFIG}); expected one of them: move the adapter to a folder of its own, and give that as adapter (--adapter)`,
  );
}

/**
 * The checkpoint that an adapter names as its base, as it stands there.
 *
 * @throws ModelLoadError when it names none, or a version that cannot be asked for
 */
export function baseOf(folder: string): string {
  const { base_model_name_or_path: base, revision } = readConfig(folder);
  if (revision !== undefined && revision !== null && revision !== "main") {
    throw new ModelLoadError(
      `${join(folder, CONFIG)}: revision: received '${revision}'; expected none or main: fetch that version of the base, and load it with this folder as adapter (--adapter)`,
    );
  }
  if (base !== undefined && base !== null && base !== "") return base;
  throw new ModelLoadError(
    `${join(folder, CONFIG)} names no base_model_name_or_path; load the checkpoint with this folder as adapter (--adapter) instead`,
  );
}

/**
 * Reads an adapter's folder: adapter_config.json and adapter_model.safetensors.
 *
 * @throws ModelLoadError naming the file that is missing or wrong, and what of it is not supported
 */
export function readAdapter(folder: string): Adapter {
  const config = readConfig(folder);
  const file = join(folder, WEIGHTS);
  if (!isRegularFile(file))
    throw new ModelLoadError(`${file} is missing; expected an adapter as PEFT saves it`);
  return within(file, () => {
    const bytes = readFileSync(file);
    const hash = createHash("sha256")
      .update(readFileSync(join(folder, CONFIG)))
      .update(bytes);
    const { tensors } = readSafetensors(bytes, ["F32", "F16", "BF16"]);
    return { updates: readPeftModules(config, tensors), hash: hash.digest("hex") };
  });
}

function readConfig(folder: string): PeftConfig {
  const file = join(folder, CONFIG);
  const content = readJsonFile(file);
  if (content !== undefined) return within(file, () => readPeftConfig(content));
  throw new ModelLoadError(
    `adapter: ${folder} has no ${CONFIG}; expected a folder with ${CONFIG} and ${WEIGHTS}, as PEFT saves a LoRA adapter`,
  );
}

/** Says of which file a failure is. */
function within<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const remedy = GroundsightError.isInstance(cause) ? "" : "cannot be read: ";
    throw new ModelLoadError(`${file}: ${remedy}${(cause as Error).message}`, { cause });
  }
}
