import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SeededRandom } from "../src/math/seeded-random.js";
import { type StoredTensor, writeSafetensors } from "../src/vti/safetensors.js";

/** Inputs and outputs of each linear module, by its name in the trained model. */
export type LinearShapes = Readonly<Record<string, readonly [inputs: number, outputs: number]>>;

interface Drawn {
  readonly rank?: number;
  readonly seed?: number;
  readonly size?: number;
  readonly prefix?: string;
}

/** The tensors of a random adapter, as PEFT names them. */
export function adapterTensors(
  shapes: LinearShapes,
  { rank = 2, seed = 0, size = 0.1, prefix = "base_model.model." }: Drawn = {},
): Record<string, StoredTensor> {
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, [inputs, outputs]] of Object.entries(shapes)) {
    const random = new SeededRandom(seed, name);
    const draw = (count: number) => random.gaussians(count).map((x) => x * size);
    const at = `${prefix}${name}`;
    tensors[`${at}.lora_A.weight`] = { dims: [rank, inputs], data: draw(rank * inputs) };
    tensors[`${at}.lora_B.weight`] = { dims: [outputs, rank], data: draw(rank * outputs) };
  }
  return tensors;
}

/** Writes an adapter's folder, as PEFT does. */
export async function writeAdapter(
  folder: string,
  tensors: Readonly<Record<string, StoredTensor>>,
  config: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const stock = { peft_type: "LORA", r: 2, lora_alpha: 16, bias: "none", use_dora: false };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "adapter_config.json"), JSON.stringify({ ...stock, ...config }));
  const bytes = writeSafetensors({ tensors, metadata: { format: "pt" } });
  await writeFile(join(folder, "adapter_model.safetensors"), bytes);
  return folder;
}
