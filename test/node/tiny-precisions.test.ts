/** Precisions of a tiny checkpoint as exporters make them: each for all graphs, mixed, and with ends in float16. */
import { rename } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { Model } from "../../src/engine/model.js";
import { type DtypeChoice, dtypeText, graphDtypes } from "../../src/node/dtype-choice.js";
import { makeNode, makeValueInfo } from "../../src/onnx/build.js";
import { changed, DataType, type OnnxModel } from "../../src/onnx/graph-model.js";
import {
  CHECKPOINTS,
  largestDifference,
  listening,
  openCheckpoint,
  openModel,
  readReference,
  requestOf,
} from "../checkpoints.js";
import { ids } from "../engine/asked.js";
import { changeGraph, copyOf, moveOut, onnx } from "./doctor/damage.js";

const NAME = "smolvlm-gqa";
const reference = readReference(NAME);
const cases = Object.entries(reference.cases);

/** Expects these tokens behind each of some recorded cases. */
async function expectTokens(model: Model, greedy: Readonly<Record<string, readonly number[]>>) {
  expect(Object.keys(greedy).length).toBeGreaterThan(1);
  for (const [key, tokens] of Object.entries(greedy))
    expect(ids(await model.generate(requestOf(reference, reference.cases[key]!))), key).toEqual(
      tokens,
    );
}

describe.each(
  reference.graphs!.map(
    ({ dtypes, greedy }) => [dtypeText(graphDtypes(dtypes)), dtypes, greedy] as const,
  ),
)("%s", (_, dtypes, greedy) => {
  test("answers as the same graphs do in Python", async () => {
    await using model = await openModel(NAME, dtypes);
    await expectTokens(model, greedy);
  });
});

/** Graphs of several precisions together, and the numbers in which the cache is kept then. */
const MIXED: readonly (readonly [DtypeChoice, typeof Float32Array | typeof Uint16Array])[] = [
  [{ embed_tokens: "fp16", vision_encoder: "fp16", decoder_model_merged: "q4" }, Float32Array],
  [{ vision_encoder: "q4", decoder_model_merged: "fp16" }, Uint16Array],
  [{ embed_tokens: "fp16", decoder_model_merged: "q4f16" }, Uint16Array],
];

test.each(MIXED)("%j goes together, and answers as PyTorch does", async (dtypes, ArrayType) => {
  const backend = await openCheckpoint(NAME, dtypes);
  expect(backend.geometry.ArrayType).toBe(ArrayType);
  await backend.release();
  await using model = await openModel(NAME, dtypes);
  const answers = await model.generateBatch(cases.map(([, made]) => requestOf(reference, made)));
  expect(answers.map(ids)).toEqual(cases.map(([, { greedy }]) => greedy));
});

/** Makes the graph take and give some of its values in float16, with a cast at each end. */
function withHalves(model: OnnxModel, names: readonly string[]): OnnxModel {
  const { graph } = model;
  const inner = (name: string) => (names.includes(name) ? `${name}/float` : name);
  const half = (values: OnnxModel["graph"]["inputs"]) =>
    values.map((value) =>
      names.includes(value.name) ? makeValueInfo(value.name, DataType.float16, value.dims) : value,
    );
  const cast = (from: string, into: string, to: number) =>
    makeNode("Cast", [from], [into], { attributes: { to } });
  const isHalf = ({ name }: { readonly name: string }) => names.includes(name);
  return changed(model, {
    graph: changed(graph, {
      nodes: [
        ...graph.inputs.filter(isHalf).map(({ name }) => cast(name, inner(name), DataType.float32)),
        ...graph.nodes.map((node) =>
          changed(node, { inputs: node.inputs.map(inner), outputs: node.outputs.map(inner) }),
        ),
        ...graph.outputs
          .filter(isHalf)
          .map(({ name }) => cast(inner(name), name, DataType.float16)),
      ],
      inputs: half(graph.inputs),
      outputs: half(graph.outputs),
    }),
  });
}

test("pixels, features, embeddings and logits may be float16 as well", async () => {
  const folder = await copyOf(NAME, CHECKPOINTS);
  await changeGraph(folder, "vision_encoder_fp16", (model) => withHalves(model, ["pixel_values"]));
  await changeGraph(folder, "decoder_model_merged_fp16", (model) =>
    withHalves(model, ["inputs_embeds", "logits"]),
  );
  await using model = await openModel(folder, "fp16");
  await using plain = await openModel(NAME, "fp16");
  for (const [key, made] of cases) {
    const [first, second] = await Promise.all(
      [model, plain].map(async (one) => {
        const steps: Float32Array[] = [];
        await one.generate({ ...requestOf(reference, made), method: listening(steps) });
        return steps[0]!;
      }),
    );
    expect(largestDifference(first!, second!), key).toBeLessThan(0.02);
    expect(largestDifference(first!, made.logits), key).toBeLessThan(0.03);
  }
});

test("weights of quantized graphs in two chunks give the same tokens, and a missing one is named", async () => {
  const folder = await copyOf(NAME, CHECKPOINTS);
  await moveOut(folder, "vision_encoder_q4");
  await moveOut(folder, "decoder_model_merged_q4f16", 2);
  const { dtypes, greedy } = reference.graphs!.at(-1)!;
  expect(dtypes).toMatchObject({ vision_encoder: "q4", decoder_model_merged: "q4f16" });
  await using model = await openModel(folder, dtypes);
  await expectTokens(model, greedy);
  await rename(`${onnx(folder, "decoder_model_merged_q4f16")}_data_1`, `${folder}/elsewhere`);
  await expect(openModel(folder, dtypes)).rejects.toThrow(
    "its weights lie in decoder_model_merged_q4f16.onnx_data_1, which is not beside it",
  );
});
