import { ModelLoadError } from "../../errors.js";
import { type ModuleUpdate, modulePath } from "./adapter.js";
import { type PeftConfig, rankAndScale } from "./peft-config.js";

/** A tensor of an adapter's file. */
interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

type Half = "lora_A" | "lora_B";

/** Parts of a module's name before its layers that only say that it is of the language model. */
const AROUND = new Set("model language_model text_model transformer decoder llm".split(" "));

const UNSUPPORTED: readonly (readonly [RegExp, string])[] = [
  [/lora_magnitude_vector/, "DoRA"],
  [/lora_embedding_/, "a tuned embedding"],
  [/lora_[AB](?:\.\w+)?\.bias$|(?:^|\.)bias$/, "a tuned bias"],
  [
    /base_layer|embed_tokens/,
    "an embedding saved whole: save_pretrained(..., save_embedding_layers=False)",
  ],
  [/modules_to_save|\.weight$/, "a module saved whole"],
];

/**
 * The updates of modules that an adapter's file holds, as PEFT names its tensors.
 *
 * @throws ModelLoadError naming the tensor that is missing, of a wrong shape, not finite, or of another kind, and the
 * module that is not of the language model
 */
export function readPeftModules(
  config: PeftConfig,
  tensors: Readonly<Record<string, Tensor>>,
): ModuleUpdate[] {
  const modules = new Map<string, Partial<Record<Half, Tensor>>>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const match = /^(?:base_model\.model\.)?(.+)\.(lora_[AB])(?:\.default)?\.weight$/.exec(name);
    if (match === null) throw unsupported(name);
    const [, module, half] = match as unknown as [string, string, Half];
    modules.set(module, { ...modules.get(module), [half]: tensor });
  }
  if (modules.size === 0) throw new ModelLoadError("it holds no tensor lora_A or lora_B");
  const updates = [...modules].map(([name, halves]) => update(name, halves, config));
  const byPath = new Map<string, string>();
  for (const { name, path } of updates) {
    const other = byPath.get(path);
    if (other !== undefined)
      throw new ModelLoadError(`${other} and ${name} are one module of the graph, ${path}`);
    byPath.set(path, name);
  }
  return updates;
}

function update(
  name: string,
  { lora_A: a, lora_B: b }: Partial<Record<Half, Tensor>>,
  config: PeftConfig,
): ModuleUpdate {
  if (a === undefined || b === undefined)
    throw new ModelLoadError(`${name} has no ${a === undefined ? "lora_A" : "lora_B"}`);
  const { rank, scale } = rankAndScale(config, name);
  const [, inputs = 0] = a.dims;
  const [outputs = 0] = b.dims;
  const isPair = a.dims.length === 2 && b.dims.length === 2;
  if (!isPair || a.dims[0] !== rank || b.dims[1] !== rank || inputs === 0 || outputs === 0) {
    throw new ModelLoadError(
      `${name}: lora_A has shape (${a.dims.join(", ")}) and lora_B (${b.dims.join(", ")}); expected (${rank}, inputs) and (outputs, ${rank}), of rank ${rank} as adapter_config.json says`,
    );
  }
  if (!a.data.every(Number.isFinite) || !b.data.every(Number.isFinite))
    throw new ModelLoadError(`${name} holds numbers that are not finite; train it again`);
  const path = pathOf(name);
  return { name, path, rank, inputs, outputs, a: a.data, b: b.data, scale };
}

function pathOf(name: string): string {
  const path = modulePath(name);
  const parts = name.split(".");
  const own = path === "lm_head" ? 1 : (path?.split(".").length ?? 0);
  const others = parts.slice(0, parts.length - own).filter((part) => !AROUND.has(part));
  if (path !== undefined && others.length === 0) return path;
  throw new ModelLoadError(
    `${name} is no linear module of the language model's layers, nor its lm_head; only those are merged: name them in target_modules (PEFT's "q_proj" alone also tunes the vision tower)`,
  );
}

function unsupported(name: string): ModelLoadError {
  const [, kind = "of no known kind"] = UNSUPPORTED.find(([pattern]) => pattern.test(name)) ?? [];
  return new ModelLoadError(
    `tensor ${name} is not supported (${kind}); expected lora_A.weight and lora_B.weight of linear modules: train without it, or merge in PyTorch (merge_and_unload) and export the checkpoint anew`,
  );
}
