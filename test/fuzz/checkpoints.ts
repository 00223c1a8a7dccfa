import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "../../src/index.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { type FuzzBounds, type FuzzTally, fuzzed } from "./fuzzed.js";
import { mutatedBytes } from "./mutated-bytes.js";

const SHAPE = { layers: 1, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 260 };
const GRAPHS = ["embed_tokens", "vision_encoder", "decoder_model_merged"].map(
  (name) => `onnx/${name}.onnx`,
);
const JSONS = [
  "config.json",
  "generation_config.json",
  "tokenizer_config.json",
  "tokenizer.json",
  "processor_config.json",
];
const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e300,
  "",
  "constructor",
  "__proto__",
  [],
  [null],
  {},
  "{% for %}",
];
const IMAGE = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;

/** Checkpoint folders with one file changed, lost or mistaken for another, loaded and asked. */
export async function fuzz(cases: number, seed: number, bounds?: FuzzBounds): Promise<FuzzTally> {
  const root = await mkdtemp(join(tmpdir(), "groundsight-fuzz-"));
  const stock = join(root, "stock");
  await writeSyntheticCheckpoint(stock, SHAPE);
  let what = "";
  try {
    const run = async (index: number) => {
      const folder = join(root, `${index}`);
      await cp(stock, folder, { recursive: true });
      try {
        what = await damage(folder, new SeededRandom(seed, `checkpoint ${index}`));
        await using model = await load(folder, { threads: 1 });
        await model.generate({ prompt: "Hello", image: IMAGE, maxTokens: 2 });
      } finally {
        await rm(folder, { recursive: true });
      }
    };
    const name = "checkpoints";
    return await fuzzed(
      { name, cases: Math.min(cases, 2000), seed, run, describe: () => what },
      bounds,
    );
  } finally {
    await rm(root, { recursive: true });
  }
}

async function damage(folder: string, random: SeededRandom): Promise<string> {
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!;
  const kind = random.integer(8);
  if (kind === 0) {
    const file = pick([...JSONS, ...GRAPHS]);
    await rm(join(folder, file));
    return `without ${file}`;
  }
  if (kind === 1) {
    const to = pick(GRAPHS);
    const from = pick(GRAPHS.filter((name) => name !== to));
    await cp(join(folder, from), join(folder, to));
    return `${from} as ${to}`;
  }
  const name = pick(JSONS);
  const file = join(folder, name);
  const text = await readFile(file);
  if (kind === 2) {
    await writeFile(file, mutatedBytes(text, random));
    return `bytes of ${name}`;
  }
  const content = JSON.parse(text.toString("utf8"));
  let place = content;
  let path = name;
  for (;;) {
    const key = pick(Object.keys(place));
    path += `.${key}`;
    const inner = place[key];
    const isDeep = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0;
    if (isDeep && random.integer(3) > 0) {
      place = inner;
      continue;
    }
    if (random.integer(5) === 0) delete place[key];
    else place[key] = pick(HOSTILE);
    await writeFile(file, JSON.stringify(content));
    return `${path} = ${JSON.stringify(place[key])}`;
  }
}
