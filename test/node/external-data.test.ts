import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GraphFile } from "../../src/node/graph-file.js";
import { returnNewRows } from "../../src/onnx/edits/cache-delta.js";
import { addHiddenStates } from "../../src/onnx/edits/hidden-states.js";
import { addSteering, STEERING_INPUTS } from "../../src/onnx/edits/steering.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { EXTERNAL_WEIGHTS } from "../../src/testing/synthetic/context.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function writeDecoder(options: Parameters<typeof makeSyntheticDecoder>[0]) {
  const stock = makeSyntheticDecoder({ ...options, weights: "external" });
  const path = join(folder, "decoder.onnx");
  await writeFile(path, writeModel(stock));
  const bytes = stock.graph.initializers.reduce(
    (sum, { external }) => sum + Number(external?.get("length") ?? 0),
    0,
  );
  return { file: new GraphFile(path), bytes };
}

describe("a decoder whose weights lie in another file", () => {
  test("of 1 GB is patched without opening that file, in less than 100 MB of JavaScript memory", async () => {
    const shape = {
      layers: 16,
      width: 1024,
      heads: 16,
      kvHeads: 4,
      feedForward: 4096,
      vocabulary: 32000,
    };
    const { file, bytes } = await writeDecoder(shape);
    expect(bytes).toBeGreaterThan(1e9);
    const before = process.memoryUsage();
    const delta = returnNewRows(await file.read());
    const tapped = addHiddenStates(delta.model, { positions: "last" });
    const patched = writeModel(addSteering(tapped.model, { positions: 1 }).model);
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    console.info(
      `surgery on ${(bytes / 1e9).toFixed(2)} GB of external weights: ${(grown / 1e6).toFixed(1)} MB, graph of ${(patched.length / 1e3).toFixed(0)} kB`,
    );
    expect(grown).toBeLessThan(100e6);
  });

  test("runs patched, with its weights mapped by the runtime", async () => {
    const { file, bytes } = await writeDecoder({
      layers: 2,
      width: 64,
      heads: 4,
      kvHeads: 2,
      feedForward: 96,
      vocabulary: 120,
    });
    const weights = Float32Array.from({ length: bytes / 4 }, (_, i) => Math.sin(i) / 8);
    await writeFile(join(folder, EXTERNAL_WEIGHTS), new Uint8Array(weights.buffer));
    const options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
    const stock = await file.open(options);
    const steered = await file.open(
      options,
      addSteering(await file.read(), { positions: 1 }).model,
    );
    const int64 = (values: bigint[], dims: number[]) =>
      new ort.Tensor("int64", BigInt64Array.from(values), dims);
    const empty = () => new ort.Tensor("float32", [], [1, 2, 0, 16]);
    const feeds = {
      inputs_embeds: new ort.Tensor("float32", weights.slice(0, 3 * 64), [1, 3, 64]),
      attention_mask: int64([1n, 1n, 1n], [1, 3]),
      position_ids: int64([0n, 1n, 2n], [1, 3]),
      num_logits_to_keep: int64([1n], []),
      ...Object.fromEntries(
        [0, 1].flatMap((i) => [
          [`past_key_values.${i}.key`, empty()],
          [`past_key_values.${i}.value`, empty()],
        ]),
      ),
    };
    const expected = await stock.run(feeds);
    const actual = await steered.run({
      ...feeds,
      [STEERING_INPUTS.directions]: new ort.Tensor(
        "float32",
        new Float32Array(128).fill(0.125),
        [2, 1, 64],
      ),
      [STEERING_INPUTS.strengths]: new ort.Tensor("float32", Float32Array.of(0), [1]),
    });
    expect(actual.logits!.data).toEqual(expected.logits!.data);
    expect((actual.logits!.data as Float32Array).some((x) => x !== 0)).toBe(true);
    await Promise.all([stock.release(), steered.release()]);
  });
});
