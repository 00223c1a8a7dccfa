import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { type Check, type Diagnosis, diagnose, METHODS } from "../../../src/index.js";
import { makeValueInfo } from "../../../src/onnx/build.js";
import { changed, type OnnxModel } from "../../../src/onnx/graph-model.js";
import { adapterTensors, writeAdapter } from "../../adapters.js";
import { FOUR_BITS, CHECKPOINTS as TINY } from "../../checkpoints.js";
import { CHECKPOINTS } from "../../global-setup.js";
import { changeGraph, changeJson, copyOf, renamed } from "./damage.js";

const pocket = fileURLToPath(new URL("../../../pocket/llava/", import.meta.url));
const present = existsSync(`${pocket}onnx/vision_encoder.onnx`);

const statusOf = ({ checks }: Diagnosis, name: string) =>
  checks.find((check) => check.name === name)!.status;
const detailOf = ({ checks }: Diagnosis, name: string) =>
  checks.find((check) => check.name === name)!.detail;

describe.each([
  ["concat", `${CHECKPOINTS}concat`, "fp32"],
  ["group-query", `${CHECKPOINTS}group-query`, "fp32"],
  ...(present
    ? ([
        ["pocket", "pocket", "fp32"],
        ["pocket in 8 bits", "pocket", "q8"],
      ] as const)
    : []),
] as const)("a checkpoint that is whole (%s)", (_, name, dtype) => {
  test("passes every check, runs every method and says what a token costs", async () => {
    const told: Check[] = [];
    const found = await diagnose(name, { dtype, threads: 1, onCheck: (check) => told.push(check) });
    expect(found.checks.filter(({ status }) => status !== "pass")).toEqual([]);
    expect(found).toMatchObject({ model: name, family: "llava", dtype, healthy: true });
    expect(told).toEqual(found.checks);
    expect(found.methods).toEqual(
      Object.keys(METHODS).map((method) => ({ name: method, runs: true, reason: null })),
    );
    const { cost } = found;
    expect(cost!.promptTokens).toBeGreaterThan(16);
    const { cacheBytesPerContext, residentBytes, ...others } = cost!;
    expect(cacheBytesPerContext).toBe(0);
    // None where what was opened before left room for it.
    expect(residentBytes).toBeGreaterThanOrEqual(0);
    for (const value of Object.values(others)) expect(value).toBeGreaterThan(0);
    expect(detailOf(found, "stock-tokens")).toMatch(
      /^\d+ greedy tokens, the same as in transformers\.js$/,
    );
  });
});

test("the adapter's folder is told beside the base's", async () => {
  const folder = await copyOf();
  const tensors = adapterTensors({ "model.layers.0.self_attn.q_proj": [96, 96] });
  const adapter = await writeAdapter(join(folder, "..", "adapter"), tensors);
  const found = await diagnose(folder, { adapter, threads: 1, stock: false });
  expect(found).toMatchObject({ folder, adapter, healthy: true });
  expect(detailOf(found, "place")).toBe(`${folder}, with the adapter in ${adapter}`);
  expect((await diagnose("./nowhere")).adapter).toBeNull();
});

describe.each([
  ["idefics3-concat", "fp32"],
  ["smolvlm-gqa", "fp32"],
  ["smolvlm-gqa", "q8"],
  ["qwen2-vl-concat", FOUR_BITS],
  ["qwen2.5-vl-gqa", FOUR_BITS],
  ["qwen3-vl-gqa", FOUR_BITS],
  ["qwen3.5-gqa", "fp32"],
  ["gemma4-concat", "fp32"],
  ["gemma4-concat", "q4"],
  ["gemma3-gqa", "fp32"],
  ["gemma3-gqa", { decoder_model_merged: "q4" }],
  ["paligemma-concat", FOUR_BITS],
  ["qwen3.5-gqa", { decoder_model_merged: "q4" }],
  ["lfm2-vl-gqa", "fp32"],
  ["lfm2-vl-gqa", FOUR_BITS],
] as const)("a checkpoint of another family that is whole (%s in %j)", (name, dtype) => {
  test("has no fault, runs every method, and answers as stock transformers.js from the same pixels", async () => {
    const found = await diagnose(`${TINY}${name}`, { dtype, threads: 1 });
    const others = found.checks.filter(({ status }) => status !== "pass");
    const isTiled = /^(idefics3|smolvlm|lfm2)/.test(name);
    const isSquare = /^(idefics3|smolvlm|gemma3|paligemma)/.test(name);
    expect(others.map(({ name }) => name)).toEqual(isTiled ? ["stock-image"] : []);
    if (isTiled) {
      expect(statusOf(found, "stock-image")).toBe("skipped");
      expect(detailOf(found, "stock-image")).toMatch(
        /^transformers\.js resizes pixel values without/,
      );
    }
    // Layers of Gemma 4 share keys: their scores are not found one by one.
    const refused = name.startsWith("gemma4") ? ["pai", "heads", "vaf"] : [];
    const failed = found.methods.filter(({ runs }) => !runs);
    expect(failed.map((method) => method.name)).toEqual(refused);
    for (const { reason } of failed) expect(reason).toMatch(/looked for one reader of present/);
    const { reason } = found.methods.find(({ name }) => name === "vti")!;
    if (isSquare) expect(reason).toBeNull();
    else expect(reason).toMatch(/^without vision encoder: .* no fixed positions/);
    expect(detailOf(found, "stock-tokens")).toMatch(
      /^\d+ greedy tokens, the same as in transformers\.js$/,
    );
  });
});

test("states of fixed size cost an answer the same whatever its length", async () => {
  const { cost } = await diagnose(`${TINY}qwen3.5-gqa`, { threads: 1, stock: false });
  // Two layers of linear attention: 64 channels with 4 inputs each, and 2 heads of 16 x 16.
  expect(cost!.cacheBytesPerContext).toBe(2 * (64 * 4 + 2 * 16 * 16) * 4);
  // One layer of keys and values.
  expect(cost!.cacheBytesPerToken).toBe(2 * 16 * 4);
});

test("a setting that Python does not look at is kept from transformers.js", async () => {
  const folder = await copyOf("lfm2-vl-gqa", TINY);
  await changeJson(folder, "preprocessor_config.json", (settings) => {
    settings.do_resize = true;
  });
  const found = await diagnose(folder, { threads: 1 });
  expect(found.checks.filter(({ status }) => status === "fault")).toEqual([]);
  expect(statusOf(found, "stock-tokens")).toBe("pass");
});

test("where stock transformers.js cannot run a graph, the check says so, and nothing is printed", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const found = await diagnose(`${TINY}smolvlm-gqa`, { dtype: "fp16", threads: 1 });
  expect(found.healthy).toBe(true);
  expect(statusOf(found, "stock-tokens")).toBe("skipped");
  expect(detailOf(found, "stock-tokens")).toMatch(/^transformers\.js fails: Unexpected input data/);
  expect(printed).not.toHaveBeenCalled();
  printed.mockRestore();
});

test("inputs of each layer that are of another export are named", async () => {
  const folder = await copyOf("gemma4-concat", TINY);
  const other = (width: number) => (model: OnnxModel) =>
    changed(model, {
      graph: changed(model.graph, {
        outputs: model.graph.outputs.map((output) =>
          output.name === "per_layer_inputs"
            ? makeValueInfo(output.name, output.elemType, ["batch", "tokens", 3, width])
            : output,
        ),
      }),
    });
  await changeGraph(folder, "embed_tokens", other(16));
  const wide = await diagnose(folder, { threads: 1, stock: false });
  expect(detailOf(wide, "interfaces")).toMatch(
    /decoder_model_merged\.onnx takes per_layer_inputs of shape .*3, 8\); embed_tokens\.onnx gives .*3, 16\)/,
  );
  await changeGraph(folder, "embed_tokens", (model) =>
    renamed(model, (name) => name.replace(/^per_layer_inputs$/, "others")),
  );
  const without = await diagnose(folder, { threads: 1, stock: false });
  expect(detailOf(without, "interfaces")).toMatch(
    /has an input per_layer_inputs, which nothing gives; embed_tokens\.onnx gives inputs_embeds, others/,
  );
});

describe("what cannot be looked at", () => {
  test("is skipped, with the check that it needs: a model that cannot be found has its report", async () => {
    const found = await diagnose("./nowhere/at-all");
    expect(found).toMatchObject({ folder: null, family: null, methods: [], cost: null });
    expect(found.healthy).toBe(false);
    expect(statusOf(found, "place")).toBe("fault");
    const others = found.checks.filter(({ name }) => name !== "place");
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set(["skipped"]));
    expect(detailOf(found, "files")).toBe("it needs config, which did not pass");
  });

  test("stock transformers.js is left out when it is not wanted", async () => {
    const found = await diagnose(`${CHECKPOINTS}concat`, { stock: false, threads: 1 });
    expect(found.healthy).toBe(true);
    const stock = found.checks.filter(({ name }) => name.startsWith("stock-"));
    expect(stock.map(({ status, detail }) => [status, detail])).toEqual(
      Array.from({ length: 3 }, () => ["skipped", "it was not asked for"]),
    );
  });

  test("layers without names are not steered or read, and the methods say so", async () => {
    const folder = await copyOf();
    await changeGraph(folder, "decoder_model_merged", (model) =>
      renamed(model, (name) => name.replaceAll("down_proj", "unknown")),
    );
    const found = await diagnose(folder, { threads: 1 });
    expect(found.healthy).toBe(true);
    expect(statusOf(found, "steering")).toBe("skipped");
    const refused = found.methods.filter(({ runs }) => !runs);
    expect(refused.map(({ name }) => name)).toEqual([...["vti", "deco", "dola", "vista", "nullu"]]);
    for (const { reason } of refused)
      expect(reason).toMatch(/looked for mlp\/down_proj or mlp\/fc2/);
    const reason = /^decoder: looked for mlp\/down_proj or mlp\/fc2 .* found only others such as/;
    expect(refused[0]!.reason).toMatch(reason);
    expect(detailOf(found, "steering")).toMatch(reason);
  });
});

describe("options", () => {
  test("that are unknown, or wrong, are refused", async () => {
    await expect(diagnose("pocket", { worker: true } as object)).rejects.toThrow(/worker/);
    await expect(diagnose("pocket", { stok: false } as object)).rejects.toThrow(/stok/);
    await expect(diagnose("pocket", { dtype: "q3" as "q8" })).rejects.toThrow(/q3/);
  });

  test("a signal ends it", async () => {
    const signal = AbortSignal.abort("enough");
    await expect(diagnose(`${CHECKPOINTS}concat`, { signal })).rejects.toThrow(/aborted/);
  });
});
