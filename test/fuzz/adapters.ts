import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { readAdapter } from "../../src/node/adapter-folder.js";
import { GraphFile } from "../../src/node/graph-file.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { adapterTensors, writeAdapter } from "../adapters.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutatedBytes } from "./mutated-bytes.js";

const SHAPE = { layers: 2, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 40 };
const MODULES = {
  "model.language_model.layers.0.self_attn.q_proj": [32, 32],
  "model.language_model.layers.1.mlp.down_proj": [48, 32],
} as const;
const NAMES = ["q_proj", "k_proj", "layers.7.", "lm_head", "vision_tower", "lora_B", "lora_A", "x"];
const FIELDS = [
  ...["r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "peft_type", "use_dora"],
  ...["modules_to_save", "bias", "init_lora_weights", "base_model_name_or_path", "unheard_of"],
];
const HOSTILE: readonly unknown[] = [
  ...[null, true, false, -1, 0, 0.5, 2, 3, 1e300, "", "LORA", "none", "__proto__", [], [null], {}],
  ...[{ ".*": 2 }, { "(": 2 }, { q_proj: 0 }, { __proto__: 2 }],
];

/** Adapters with bytes, names or fields changed, read and merged into a decoder. */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const root = await mkdtemp(join(tmpdir(), "groundsight-fuzz-"));
  const decoder = join(root, "decoder.onnx");
  await writeFile(decoder, writeModel(makeSyntheticDecoder(SHAPE)));
  let what = "";
  try {
    const run = async (index: number) => {
      const random = new SeededRandom(seed, `adapter ${index}`);
      const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!;
      const kind = random.integer(4);
      const field = kind === 0 ? { [pick(FIELDS)]: pick(HOSTILE) } : {};
      const folder = join(root, `${index}`);
      try {
        const tensors = Object.entries(adapterTensors(MODULES)).map(([name, tensor]) => {
          const isRenamed = kind === 1 && random.integer(3) === 0;
          return [isRenamed ? name.replace(pick(NAMES), pick(NAMES)) : name, tensor] as const;
        });
        await writeAdapter(folder, Object.fromEntries(tensors), field);
        what = `kind ${kind}, ${JSON.stringify(field)}`;
        const file = join(folder, pick(["adapter_config.json", "adapter_model.safetensors"]));
        if (kind === 2) await writeFile(file, mutatedBytes(await readFile(file), random));
        await new GraphFile(decoder, readAdapter(folder).updates).read();
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    };
    const fuzzing = { name: "adapters", cases: Math.min(cases, 5000), seed, run };
    return await fuzzed({ ...fuzzing, describe: () => what }, bounds);
  } finally {
    await rm(root, { recursive: true });
  }
}
