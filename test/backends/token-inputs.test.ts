import { Tensor } from "onnxruntime-common";
import { expect, test } from "vitest";
import { checkDecoder } from "../../src/backends/onnx/decoder.js";
import { embedEach, embedPrompt } from "../../src/backends/onnx/embeddings.js";
import type { OnnxParts } from "../../src/backends/onnx/parts.js";
import type { OnnxPrompt } from "../../src/backends/onnx/prompt.js";
import type { Session, Tensors } from "../../src/backends/onnx/runtime.js";
import { tokenInputNames, tokenTensors } from "../../src/backends/onnx/token-inputs.js";
import { InferenceError, ModelLoadError } from "../../src/errors.js";
import { fromFloat16 } from "../../src/math/half.js";
import { fakeOnnxParts } from "./fake-onnx.js";

const IMAGE = -200;
const STAND_IN = 7;

/** Parts whose token table gives [id, 2 id], and of each of two layers [id, layer]; the image's token is no row of it. */
function layeredParts(types: Readonly<Record<string, string>> = {}): OnnxParts {
  const parts = fakeOnnxParts();
  const embed = (feeds: Tensors): Tensors => {
    const ids = [...(feeds.input_ids!.data as BigInt64Array)].map(Number);
    const unknown = ids.find((id) => id < 0 || id > 99);
    if (unknown !== undefined) throw new Error(`no row ${unknown}`);
    const float = (data: number[], dims: number[]) =>
      new Tensor("float32", Float32Array.from(data), [1, ids.length, ...dims]);
    return {
      per_layer_inputs: float(
        ids.flatMap((id) => [id, 0, id, 1]),
        [2, 2],
      ),
      inputs_embeds: float(
        ids.flatMap((id) => [id, 2 * id]),
        [2],
      ),
      unread: float(ids, [1]),
    };
  };
  const inputNames = ["inputs_embeds", "per_layer_inputs", "attention_mask"];
  const session = {
    ...parts.graphs.decoder.session,
    inputNames,
    inputMetadata: inputNames.map((name) => ({
      name,
      isTensor: true,
      type: types[name] ?? "float32",
      shape: [],
    })),
  } as unknown as Session;
  return {
    ...parts,
    family: { ...parts.family, standIns: new Map([[IMAGE, STAND_IN]]) },
    graphs: {
      ...parts.graphs,
      embed: {
        ...parts.graphs.embed,
        outputNames: ["per_layer_inputs", "inputs_embeds", "unread"],
        run: (async (feeds: Tensors) => embed(feeds)) as Session["run"],
      },
      decoder: { ...parts.graphs.decoder, session },
    },
  };
}

test("a decoder is fed each output of the token table that it has an input for, and no other", () => {
  expect(tokenInputNames(layeredParts().graphs)).toEqual([
    ["inputs_embeds", "inputs_embeds"],
    ["per_layer_inputs", "per_layer_inputs"],
  ]);
  // A table with one output may call it as it likes.
  const { graphs } = layeredParts();
  const other = { ...graphs, embed: { ...graphs.embed, outputNames: ["embeddings"] } };
  expect(tokenInputNames(other)).toEqual([["inputs_embeds", "embeddings"]]);
});

test("an input that nothing gives is refused by name", () => {
  const { graphs } = layeredParts();
  expect(() => checkDecoder(graphs)).not.toThrow();
  const other = { ...graphs, embed: { ...graphs.embed, outputNames: ["inputs_embeds"] } };
  expect(() => checkDecoder(other)).toThrow(ModelLoadError);
  expect(() => checkDecoder(other)).toThrow("its inputs include per_layer_inputs, which");
});

test("an image's features take the place of embeddings alone: each layer's inputs stay those of the token that stands in", async () => {
  const features = { rows: Float32Array.of(0.5, 0.25, -0.5, -0.25), tokens: 2 };
  const prompt = {
    tokens: [1, IMAGE, IMAGE, 2],
    images: [{ features, span: { start: 1, end: 3 } }],
  } as unknown as OnnxPrompt;
  const inputs = await embedPrompt(layeredParts(), prompt, 0, 4);
  expect([...inputs.inputs_embeds.data]).toEqual([1, 2, 0.5, 0.25, -0.5, -0.25, 2, 4]);
  expect(inputs.per_layer_inputs).toEqual({
    data: Float32Array.from([1, STAND_IN, STAND_IN, 2].flatMap((id) => [id, 0, id, 1])),
    dims: [4, 2, 2],
  });
  // A piece that begins within the image.
  const rest = await embedPrompt(layeredParts(), prompt, 2, 4);
  expect([...rest.inputs_embeds.data]).toEqual([-0.5, -0.25, 2, 4]);
  expect([...rest.per_layer_inputs!.data]).toEqual([STAND_IN, 0, STAND_IN, 1, 2, 0, 2, 1]);
});

test("tokens of several contexts are looked up together, and alone where one of them has no row", async () => {
  const parts = layeredParts();
  const together = await embedEach(parts, [3, IMAGE]);
  expect(together).toMatchObject([
    { value: { inputs_embeds: { dims: [1, 2] }, per_layer_inputs: { dims: [1, 2, 2] } } },
    { value: { per_layer_inputs: { data: Float32Array.of(STAND_IN, 0, STAND_IN, 1) } } },
  ]);
  const [known, unknown] = await embedEach(parts, [3, 100]);
  expect(known).toEqual(together[0]);
  expect(unknown).toMatchObject({ status: "rejected", reason: expect.any(InferenceError) });
});

test("shorter contexts are padded with zeros on the left, in the type that the graph takes", async () => {
  const parts = layeredParts({ per_layer_inputs: "float16" });
  const { runtime, graphs } = parts;
  const none = { images: [] };
  const contexts = [
    await embedPrompt(parts, { tokens: [4], ...none }, 0, 1),
    await embedPrompt(parts, { tokens: [5, 6], ...none }, 0, 2),
  ];
  const tensors = tokenTensors(runtime, graphs.decoder.session, contexts, 2);
  expect(tensors.inputs_embeds).toMatchObject({ type: "float32", dims: [2, 2, 2] });
  expect([...(tensors.inputs_embeds!.data as Float32Array)]).toEqual([0, 0, 4, 8, 5, 10, 6, 12]);
  expect(tensors.per_layer_inputs).toMatchObject({ type: "float16", dims: [2, 2, 2, 2] });
  const halves = tensors.per_layer_inputs!.data as unknown as Uint16Array;
  expect([...fromFloat16(halves)]).toEqual([0, 0, 0, 0, 4, 0, 4, 1, 5, 0, 5, 1, 6, 0, 6, 1]);
});
