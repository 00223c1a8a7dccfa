import { execFileSync } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load, ModelLoadError } from "../../src/index.js";
import { readModel } from "../../src/onnx/read-model.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { EXTERNAL_WEIGHTS } from "../../src/testing/synthetic/context.js";

const shape = { layers: 2, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 260 };
const DECODER = join("onnx", "decoder_model_merged.onnx");
const image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 } as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function checkpoint(name: string, weights: "float32" | "external"): Promise<string> {
  const path = join(folder, name);
  await writeSyntheticCheckpoint(path, { ...shape, endTokens: [], weights });
  if (weights === "external") {
    const { graph } = readModel(await readFile(join(path, DECODER)));
    const bytes = graph.initializers.reduce(
      (sum, { external }) => sum + Number(external?.get("length") ?? 0),
      0,
    );
    const numbers = Float32Array.from({ length: bytes / 4 }, (_, i) => Math.sin(i) / 8);
    await writeFile(join(path, "onnx", EXTERNAL_WEIGHTS), new Uint8Array(numbers.buffer));
  }
  return path;
}

/** Lays a checkpoint out as a Hugging Face cache does: every file a link to a blob, named by its content. */
async function cached(source: string, name: string): Promise<string> {
  const root = join(folder, name);
  const snapshot = join(root, "snapshots", "revision");
  await mkdir(join(root, "blobs"), { recursive: true });
  await mkdir(join(snapshot, "onnx"), { recursive: true });
  for (const [sub, up] of [
    ["", "../../blobs"],
    ["onnx", "../../../blobs"],
  ] as const) {
    for (const entry of await readdir(join(source, sub), { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const blob = `blob-${entry.name.length}-${Buffer.from(entry.name).toString("hex")}`;
      await rename(join(source, sub, entry.name), join(root, "blobs", blob));
      await symlink(join(up, blob), join(snapshot, sub, entry.name));
    }
  }
  return snapshot;
}

async function answered(path: string, cache?: "whole") {
  await using model = await load(path, { threads: 1, ...(cache && { cache }) });
  const { tokens } = await model.generate({ image, prompt: "Hello", maxTokens: 6 });
  return { hash: await model.hash(), ids: tokens.map(({ id }) => id) };
}

test.each(["float32", "external"] as const)(
  "a checkpoint in the layout of a Hugging Face cache loads, its weights in %s form",
  async (weights) => {
    const plain = await answered(await checkpoint(`plain-${weights}`, weights));
    const links = await cached(await checkpoint(`moved-${weights}`, weights), `cache-${weights}`);
    expect(await answered(links)).toEqual(plain);
    expect(await answered(links, "whole")).toEqual(plain);
  },
);

test("a graph whose weights are to lie outside of its folder is refused, links or not", async () => {
  const path = await checkpoint("outside", "external");
  const bytes = await readFile(join(path, DECODER));
  const outside = bytes.toString("latin1").replaceAll(EXTERNAL_WEIGHTS, "../weight.b");
  await writeFile(join(path, DECODER), Buffer.from(outside, "latin1"));
  const links = await cached(path, "cache-outside");
  const loading = load(links, { threads: 1 });
  await expect(loading).rejects.toThrow(ModelLoadError);
  await expect(loading).rejects.toThrow("expected a file of the same folder");
});

test.each(["config.json", "tokenizer.json", join("onnx", "embed_tokens.onnx")])(
  "a pipe or folder in place of %s is refused, not read for ever",
  async (file) => {
    const path = await checkpoint("piped", "float32");
    await rm(join(path, file));
    execFileSync("mkfifo", [join(path, file)]);
    await expect(load(path)).rejects.toThrow(ModelLoadError);
    await expect(load(path)).rejects.toThrow("is a pipe, socket or device");
    await rm(join(path, file));
    await mkdir(join(path, file));
    await expect(load(path)).rejects.toThrow("is a folder; expected a regular file");
    await rm(path, { recursive: true });
  },
);

test("a checkpoint whose onnx is a file is refused as one without graphs", async () => {
  const path = await checkpoint("no-folder", "float32");
  await rm(join(path, "onnx"), { recursive: true });
  await writeFile(join(path, "onnx"), "");
  await expect(load(path)).rejects.toThrow(ModelLoadError);
  await expect(load(path)).rejects.toThrow("the checkpoint is incomplete");
});

test("JSON files with a byte order mark are read", async () => {
  const path = await checkpoint("marked", "float32");
  for (const file of await readdir(path)) {
    if (!file.endsWith(".json")) continue;
    await writeFile(join(path, file), `\uFEFF${await readFile(join(path, file), "utf8")}`);
  }
  expect((await answered(path)).ids).toHaveLength(6);
});
