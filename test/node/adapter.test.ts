import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Answer,
  diagnose,
  fitDirections,
  InvalidArgumentError,
  load,
  ModelLoadError,
  regular,
  vti,
} from "../../src/index.js";
import { readAdapter } from "../../src/node/adapter-folder.js";
import { GraphFile } from "../../src/node/graph-file.js";
import { listModels } from "../../src/node/list-models.js";
import { packageFile } from "../../src/node/package-file.js";
import { mergeWeights, withWeights } from "../../src/onnx/adapters/merge.js";
import { earlyExitEdit } from "../../src/onnx/edits/early-exit.js";
import { readModel } from "../../src/onnx/read-model.js";
import { writeModel } from "../../src/onnx/write-model.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { EXTERNAL_WEIGHTS } from "../../src/testing/synthetic/context.js";
import { adapterTensors, type LinearShapes, writeAdapter } from "../adapters.js";

const shape = { layers: 2, visionLayers: 1, width: 32, heads: 2, kvHeads: 1, feedForward: 48 };
const small = { ...shape, vocabulary: 260, endTokens: [] };
const MODULES: LinearShapes = {
  "model.language_model.layers.0.self_attn.q_proj": [32, 32],
  "model.language_model.layers.0.self_attn.v_proj": [32, 16],
  "model.language_model.layers.1.self_attn.o_proj": [32, 32],
  "model.language_model.layers.1.mlp.up_proj": [32, 48],
  "model.language_model.layers.1.mlp.down_proj": [48, 32],
};
const DECODER = join("onnx", "decoder_model_merged.onnx");
const image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;
const request = { image, prompt: "Is there a dog?", maxTokens: 8 };
const scored = ({ tokens }: Answer) => tokens.map(({ id, logprob }) => [id, logprob]);

let folder: string;
/** A checkpoint, an adapter to it, and the checkpoint with that adapter merged into its file. */
let base: string;
let adapter: string;
let merged: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
  base = join(folder, "base");
  await writeSyntheticCheckpoint(base, small);
  adapter = await writeAdapter(join(folder, "adapter"), adapterTensors(MODULES));
  merged = join(folder, "merged");
  await cp(base, merged, { recursive: true });
  const stock = readModel(await readFile(join(base, DECODER)));
  const weights = await mergeWeights(
    stock,
    readAdapter(adapter).updates,
    async ({ rawData }) => rawData!,
  );
  await writeFile(join(merged, DECODER), writeModel(withWeights(stock, weights)));
});
afterAll(() => rm(folder, { recursive: true }));

// The built package, as a worker runs files and not the test runner's modules.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const inWorker = ((await import(built)) as typeof import("../../src/index.js")).load;

async function answered(path: string, options: Parameters<typeof load>[1] = {}): Promise<Answer> {
  const loading = options.worker === true ? inWorker : load;
  await using model = await loading(path, { threads: 1, ...options });
  return await model.generate(request);
}

describe("a checkpoint with an adapter", () => {
  test.each([
    ["delta", false],
    ["whole", false],
    ["delta", true],
  ] as const)(
    "answers as the merged checkpoint (cache %s, in a worker: %s)",
    async (cache, worker) => {
      const expected = await answered(merged, { cache });
      const answer = await answered(base, { cache, worker, adapter });
      expect(scored(answer)).toEqual(scored(expected));
      expect(answer.checkpoint).toEqual({ id: base, dtype: "fp32", adapter });
      expect(scored(await answered(base, { cache }))).not.toEqual(scored(expected));
    },
  );

  test("is the stock graph of every edit: steering, early exits and taps", async () => {
    await using one = await load(base, { threads: 1, adapter });
    await using other = await load(merged, { threads: 1 });
    const demonstrations = ["a dog", "a cat", "a bus", "a cup"].map((caption) => ({
      ...{ image, prompt: "What?", caption, hallucinated: "a fork" },
    }));
    const [directions, expected] = [
      await fitDirections(one, demonstrations, { maskings: 2 }),
      await fitDirections(other, demonstrations, { maskings: 2 }),
    ];
    expect(directions.text).toEqual(expected.text);
    expect(directions.facts).toMatchObject({ model: base, adapter });
    expect(expected.facts).not.toHaveProperty("adapter");
    const steer = (given: typeof directions) => vti({ directions: given, image: 0.4, text: 0.4 });
    const steered = await one.generate({ ...request, method: steer(directions) });
    expect(scored(steered)).toEqual(
      scored(await other.generate({ ...request, method: steer(expected) })),
    );
    const edit = earlyExitEdit([1]);
    const readings: (Float32Array | undefined)[] = [];
    for (const model of [one, other]) {
      const method = regular();
      await model.generate({
        ...request,
        method: {
          ...method,
          needs: { edits: [edit] },
          start: ({ view }) => ({
            streams: [{ view, edits: [{ edit, strength: 1 }] }],
            scores([output]) {
              readings.push(Object.values(output!.readings!)[0]?.slice());
              return output!.logits;
            },
          }),
        },
      });
    }
    expect(readings).toHaveLength(16);
    expect(readings.slice(0, 8)).toEqual(readings.slice(8));
  });

  test("has a hash of its own, so that directions of the base are refused", async () => {
    await using model = await load(base, { threads: 1, adapter });
    await using stock = await load(base, { threads: 1 });
    const other = await writeAdapter(join(folder, "other"), adapterTensors(MODULES), {
      lora_alpha: 15,
    });
    await using scaled = await load(base, { threads: 1, adapter: other });
    const hashes = [await model.hash(), await stock.hash(), await scaled.hash()];
    expect(new Set(hashes).size).toBe(3);
    expect(model.info.adapter).toBe(adapter);
    expect(stock.info).not.toHaveProperty("adapter");
    const demonstrations = Array.from({ length: 4 }, (_, i) => ({
      ...{ image, prompt: "What?", caption: `a dog ${i}`, hallucinated: "a fork" },
    }));
    const directions = await fitDirections(stock, demonstrations, { maskings: 1 });
    await expect(model.steer(directions, { text: 0.4 })).rejects.toThrow(InvalidArgumentError);
  });

  test("of zeros answers as the base, bit for bit", async () => {
    const nothing = adapterTensors(MODULES, { size: 0 });
    const zeros = await writeAdapter(join(folder, "zeros"), nothing);
    expect(scored(await answered(base, { adapter: zeros }))).toEqual(scored(await answered(base)));
  });

  test("reads weights of other files, behind links too, and leaves the others where they are", async () => {
    const external = join(folder, "external");
    await writeSyntheticCheckpoint(external, { ...small, weights: "external" });
    const path = join(external, DECODER);
    const { graph } = readModel(await readFile(path));
    const bytes = graph.initializers.reduce(
      (sum, one) => sum + Number(one.external?.get("length") ?? 0),
      0,
    );
    const numbers = Float32Array.from({ length: bytes / 4 }, (_, i) => Math.sin(i) / 8);
    const weights = join(external, "onnx", EXTERNAL_WEIGHTS);
    await writeFile(weights, new Uint8Array(numbers.buffer));
    const expected = scored(await answered(external, { adapter }));
    expect(expected).not.toEqual(scored(await answered(external)));

    const file = new GraphFile(path, readAdapter(adapter).updates);
    const [first, second] = [await file.read(), await file.read()];
    const own = (model: typeof first) =>
      model.graph.initializers.filter(({ name }) => name.endsWith(".adapted"));
    expect(own(first)).toHaveLength(5);
    own(second).forEach((tensor, i) => {
      expect(tensor).toBe(own(first)[i]);
    });
    const stored = first.graph.initializers.filter((one) => one.external !== undefined);
    expect(stored.length).toBeGreaterThanOrEqual(2 * 7 - 5);

    await rename(weights, join(folder, "blob"));
    await symlink(join(folder, "blob"), weights);
    expect(scored(await answered(external, { adapter }))).toEqual(expected);
    await writeFile(join(folder, "blob"), new Uint8Array(bytes / 2));
    await expect(answered(external, { adapter })).rejects.toThrow("is not there whole");
  });
});

describe("a variant, a folder with an adapter alone", () => {
  const variant = (name: string, config: Record<string, unknown>, tensors = MODULES) =>
    writeAdapter(join(folder, name), adapterTensors(tensors), config);

  test("loads its base, by a path relative to it, with the adapter", async () => {
    const path = await variant("variant", { base_model_name_or_path: "../base" });
    const answer = await answered(path);
    expect(scored(answer)).toEqual(scored(await answered(merged)));
    expect(answer.checkpoint).toEqual({ id: path, dtype: "fp32", adapter: path });
    expect(scored(await answered(path, { worker: true }))).toEqual(scored(answer));
    await using named = await load(path, { threads: 1 });
    await using given = await load(base, { threads: 1, adapter: path });
    expect(await named.hash()).toBe(await given.hash());
  });

  test("loads its base by a bundled name", async () => {
    const { text_config } = JSON.parse(
      await readFile(new URL("../../pocket/llava/config.json", import.meta.url), "utf8"),
    );
    const { hidden_size: width, intermediate_size: feedForward } = text_config;
    const path = await variant(
      "pocket",
      { base_model_name_or_path: "pocket" },
      { "model.language_model.layers.0.mlp.up_proj": [width, feedForward] },
    );
    expect((await answered(path)).checkpoint).toEqual({ id: path, dtype: "fp32", adapter: path });
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["of no base", {}, "names no base_model_name_or_path"],
    [
      "of a base that is not there",
      { base_model_name_or_path: "../nowhere" },
      "as its adapter_config.json names it: model: received '../nowhere'",
    ],
    [
      "of a version of its base",
      { base_model_name_or_path: "../base", revision: "v2" },
      "revision: received 'v2'; expected none or main",
    ],
    ["of itself", { base_model_name_or_path: "." }, "an adapter itself; expected a checkpoint"],
  ])("%s is refused", async (name, config, message) => {
    const path = await variant(name, config);
    await expect(load(path)).rejects.toThrow(ModelLoadError);
    await expect(load(path)).rejects.toThrow(message);
  });

  test("takes no second adapter, and is no checkpoint as well", async () => {
    const path = await variant("second", { base_model_name_or_path: "../base" });
    await expect(load(path, { adapter })).rejects.toThrow(InvalidArgumentError);
    await cp(base, path, { recursive: true });
    await expect(load(path)).rejects.toThrow("holds a checkpoint and an adapter");
  });

  test("is examined by name: doctor tells the base's folder and the adapter's", async () => {
    const path = await variant("examined", { base_model_name_or_path: "../base" });
    const { folder, adapter, checks, healthy } = await diagnose(path, { threads: 1 });
    expect({ folder, adapter, healthy }).toEqual({ folder: base, adapter: path, healthy: true });
    expect(checks[0]).toMatchObject({
      name: "place",
      detail: `${base}, with the adapter in ${path}`,
    });
    const plain = await diagnose(base, { threads: 1, stock: false });
    expect(plain.adapter).toBeNull();
    expect(plain.checks[0]!.detail).toBe(base);
  });

  test("is among the bundled models where its folder is", async () => {
    const isThere = (() => {
      try {
        return packageFile("../../pocket/tuned", import.meta.url, "it") !== "";
      } catch {
        return false;
      }
    })();
    const bundled = (await listModels()).filter(({ source }) => source === "bundled");
    expect(bundled.map(({ name }) => name)).toEqual([
      "pocket",
      ...(isThere ? ["pocket-tuned"] : []),
    ]);
    if (isThere) expect(bundled[1]!.dtypes).not.toContain("q8");
    else await expect(load("pocket-tuned")).rejects.toThrow("model: received 'pocket-tuned'");
  });
});

describe("an adapter that cannot be merged is refused", () => {
  test.each<[string, () => Promise<string>, string]>([
    [
      "no folder",
      async () => join(folder, "nothing"),
      "has no adapter_config.json; expected a folder",
    ],
    ["a checkpoint", async () => base, "has no adapter_config.json"],
    [
      "without weights",
      async () => {
        const path = await writeAdapter(join(folder, "empty"), {});
        await rm(join(path, "adapter_model.safetensors"));
        return path;
      },
      "adapter_model.safetensors is missing",
    ],
    [
      "cut off",
      async () => {
        const path = await writeAdapter(join(folder, "cut"), adapterTensors(MODULES));
        const file = join(path, "adapter_model.safetensors");
        await writeFile(file, (await readFile(file)).subarray(0, -8));
        return path;
      },
      "adapter_model.safetensors: not a safetensors file: tensor",
    ],
    [
      "of more layers",
      () =>
        writeAdapter(
          join(folder, "layers"),
          adapterTensors({ "model.layers.2.mlp.up_proj": [32, 48] }),
        ),
      "model.layers.2.mlp.up_proj: the graph has no linear node of layers.2.mlp.up_proj",
    ],
    [
      "of another method",
      () => writeAdapter(join(folder, "dora"), adapterTensors(MODULES), { use_dora: true }),
      "adapter_config.json: use_dora: received true",
    ],
  ])("%s", async (_, make, message) => {
    const path = await make();
    const loading = load(base, { threads: 1, adapter: path });
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(ModelLoadError);
  });

  test("by quantized graphs, with what to do", async () => {
    const pocket = new URL("../golden/adapter", import.meta.url);
    const loading = load("pocket", { dtype: "q8", adapter: pocket.pathname });
    await expect(loading).rejects.toThrow(ModelLoadError);
    await expect(loading).rejects.toThrow("the graph has MatMulInteger there");
  });

  test.each([5, "", null, {}])("%o, which is no name", async (given) => {
    const loading = load(base, { adapter: given as string });
    await expect(loading).rejects.toThrow(InvalidArgumentError);
  });
});
