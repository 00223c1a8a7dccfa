/** Text-only language models, which base ranks are read from. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TextModel } from "../../src/engine/text-model.js";
import { loadTextModel } from "../../src/node/load-text-model.js";
import { largestDifference } from "../checkpoints.js";

const BASE = fileURLToPath(new URL("../../pocket/base", import.meta.url));

describe("pocket-base", () => {
  let base: TextModel;
  beforeAll(async () => {
    base = await loadTextModel("pocket-base", { threads: 1 });
  });
  afterAll(() => base.dispose());

  /** Logits of all positions from one on. */
  async function rows(tokens: readonly number[], from = 0): Promise<[number, Float32Array][]> {
    const told: [number, Float32Array][] = [];
    await base.logits(tokens, (logits, position) => told.push([position, logits.slice()]), {
      from,
    });
    return told;
  }

  test("says what it is", async () => {
    expect(base).toMatchObject({ id: "pocket-base", vocabularySize: 1096, contextLength: 2048 });
    expect(base.endToken).toBe(2);
    expect(await base.hash()).toMatch(/^[0-9a-f]{64}$/);
    const tokens = base.encode(" The banana is yellow.");
    expect(base.decode(tokens)).toBe(" The banana is yellow.");
  });

  test("gives each position in one pass what a pass that ends there gives", async () => {
    const tokens = [1, ...base.encode("USER: What colour is a banana? ASSISTANT: Yellow")];
    const all = await rows(tokens);
    expect(all.map(([position]) => position)).toEqual([...tokens.keys()]);
    for (const length of [1, tokens.length - 2, tokens.length]) {
      const [[, alone]] = (await rows(tokens.slice(0, length), length - 1)) as [
        [number, Float32Array],
      ];
      expect(largestDifference(all[length - 1]![1], alone)).toBeLessThan(1e-4);
    }
    const last = await rows(tokens, 3);
    expect(last.map(([position]) => position)).toEqual([...tokens.keys()].slice(3));
    expect(largestDifference(last[0]![1], all[3]![1])).toBeLessThan(1e-4);
  });

  test("refuses what it cannot read", async () => {
    await expect(rows([])).rejects.toThrow("received none");
    await expect(rows([1, 1096])).rejects.toThrow("the id 1096; expected ids of 0 to 1095");
    await expect(rows(new Array(2049).fill(5))).rejects.toThrow("at most 2048");
    await expect(rows([1, 2], 2)).rejects.toThrow("a position of 0 to 1");
    const signal = AbortSignal.abort();
    await expect(base.logits([1], () => {}, { signal })).rejects.toThrow("aborted");
  });
});

describe("names and folders", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "groundsight-text-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("a model that was disposed of says so", async () => {
    const base = await loadTextModel(BASE);
    await base.dispose();
    await base.dispose();
    await expect(base.logits([1], () => {})).rejects.toThrow("disposed of");
  });

  test("says what is missing and what to do", async () => {
    await expect(loadTextModel("nothing")).rejects.toThrow("expected pocket-base, a folder");
    await expect(loadTextModel(BASE, { dtype: "q4" })).rejects.toThrow("there in dtype fp32, q8");
    await expect(loadTextModel(BASE, { dtype: "x" as never })).rejects.toThrow("one of fp32");
    await expect(loadTextModel(BASE, { thread: 1 } as never)).rejects.toThrow("threads");
    await expect(loadTextModel(folder)).rejects.toThrow("no config.json");
    await expect(loadTextModel("pocket")).rejects.toThrow();
  });

  test("refuses a graph that is no text model's", async () => {
    const onnx = join(folder, "onnx");
    await mkdir(onnx);
    for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"])
      await symlink(join(BASE, name), join(folder, name));
    await expect(loadTextModel(folder)).rejects.toThrow("text-only language model");
    await symlink(join(BASE, "../llava/onnx/decoder_model_merged.onnx"), join(onnx, "model.onnx"));
    await expect(loadTextModel(folder)).rejects.toThrow("expected input_ids");
    await rm(join(folder, "config.json"));
    await writeFile(join(folder, "config.json"), "{}");
    await expect(loadTextModel(folder)).rejects.toThrow("config.json: text_config");
  });
});
