import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load } from "../../src/index.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { readModel } from "../../src/onnx/read-model.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { EXTERNAL_WEIGHTS } from "../../src/testing/synthetic/context.js";
import { CHECKPOINTS } from "../global-setup.js";

const shape = {
  layers: 1,
  width: 32,
  heads: 2,
  kvHeads: 1,
  feedForward: 48,
  vocabulary: 260,
  endTokens: [],
};
const DECODER = join("onnx", "decoder_model_merged.onnx");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A checkpoint whose decoder's weights lie in another file, with numbers fixed by a seed. */
async function tuned(name: string, seed: number): Promise<string> {
  const path = join(folder, name);
  await writeSyntheticCheckpoint(path, { ...shape, weights: "external" });
  const { graph } = readModel(await readFile(join(path, DECODER)));
  const bytes = graph.initializers.reduce(
    (sum, { external }) => sum + Number(external?.get("length") ?? 0),
    0,
  );
  const weights = new SeededRandom(seed).gaussians(bytes / 4).map((x) => x / 8);
  await writeFile(join(path, "onnx", EXTERNAL_WEIGHTS), new Uint8Array(weights.buffer));
  return path;
}

async function hashed(path: string): Promise<{ hash: string; ids: number[] }> {
  await using model = await load(path, { threads: 1 });
  const { tokens } = await model.generate({ prompt: "Hello", maxTokens: 6 });
  return { hash: await model.hash(), ids: tokens.map(({ id }) => id) };
}

test("two fine-tunes of one export, equal but for the file of their weights, have two hashes", async () => {
  const [one, other, copy] = [await tuned("a", 1), await tuned("b", 2), await tuned("c", 1)];
  expect(await readFile(join(one, DECODER))).toEqual(await readFile(join(other, DECODER)));
  const [first, second, third] = [await hashed(one), await hashed(other), await hashed(copy)];
  expect(second.ids).not.toEqual(first.ids);
  expect(second.hash).not.toBe(first.hash);
  expect(third).toEqual(first);
  expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
});

test("one changed byte anywhere in the weights changes the hash", async () => {
  const path = await tuned("d", 1);
  const { hash } = await hashed(path);
  const file = join(path, "onnx", EXTERNAL_WEIGHTS);
  const { size } = await stat(file);
  const bytes = await readFile(file);
  for (const place of [0, size - 2]) {
    const changed = Buffer.from(bytes);
    changed[place]! ^= 1;
    await writeFile(file, changed);
    expect((await hashed(path)).hash).not.toBe(hash);
  }
  await writeFile(file, bytes);
  expect((await hashed(path)).hash).toBe(hash);
});

test("a checkpoint whose weights lie in its graphs has the hash of its files, wherever they lie", async () => {
  const copy = join(folder, "copy");
  await cp(`${CHECKPOINTS}concat`, copy, { recursive: true });
  const { hash } = await hashed(`${CHECKPOINTS}concat`);
  expect((await hashed(copy)).hash).toBe(hash);
  const vision = join(copy, "onnx", "vision_encoder.onnx");
  const bytes = await readFile(vision);
  // The last byte of a weight's name is no number: any byte counts.
  const place = bytes.indexOf("vision.weight");
  expect(place).toBeGreaterThan(0);
  await writeFile(
    vision,
    Buffer.from(bytes.toString("latin1").replaceAll("vision.weight", "vision.weighd"), "latin1"),
  );
  expect((await hashed(copy)).hash).not.toBe(hash);
});
