import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { fromFloat16, toFloat16 } from "../../../src/math/half.js";
import { transposed } from "../../../src/math/low-rank.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { type ModuleUpdate, modulePath } from "../../../src/onnx/adapters/adapter.js";
import { mergeWeights, withWeights } from "../../../src/onnx/adapters/merge.js";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import {
  DataType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../../../src/onnx/graph-model.js";
import { readModel } from "../../../src/onnx/read-model.js";
import { writeModel } from "../../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { openModel } from "../greedy-decoding.js";

const [INPUTS, OUTPUTS, RANK, SCALE] = [5, 3, 2, 0.75];
const random = new SeededRandom(4);
const W = random.gaussians(OUTPUTS * INPUTS);
const X = random.gaussians(2 * INPUTS);
const update: ModuleUpdate = {
  name: "model.language_model.layers.1.mlp.up_proj",
  path: "layers.1.mlp.up_proj",
  rank: RANK,
  inputs: INPUTS,
  outputs: OUTPUTS,
  a: random.gaussians(RANK * INPUTS),
  b: random.gaussians(OUTPUTS * RANK),
  scale: SCALE,
};
const NAME = "/model/layers.1/mlp/up_proj/MatMul";
const readData = async ({ rawData }: OnnxTensor) => rawData!;

/** Rows of x times the transpose of a matrix of so many columns. */
function linear(x: Float32Array, matrix: Float32Array, columns: number): Float32Array {
  const rows = matrix.length / columns;
  return Float32Array.from({ length: (x.length / columns) * rows }, (_, k) => {
    const [i, j] = [Math.floor(k / rows), k % rows];
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += x[i * columns + c]! * matrix[j * columns + c]!;
    return sum;
  });
}

/** x W' + scale (x A') B', the adapter beside the weight as PEFT runs it. */
function besides(weight: Float32Array): Float32Array {
  const { a, b, scale } = update;
  const added = linear(linear(X, a, INPUTS), b, RANK);
  return linear(X, weight, INPUTS).map((y, i) => y + scale * added[i]!);
}

function model(nodes: readonly OnnxNode[], initializers: readonly OnnxTensor[]): OnnxModel {
  const parts = {
    inputs: [makeValueInfo("x", DataType.float32, [2, INPUTS])],
    outputs: [makeValueInfo("y", DataType.float32, [2, OUTPUTS])],
  };
  return readModel(writeModel(makeModel({ nodes, initializers, ...parts })));
}

async function run(graph: OnnxModel): Promise<number[]> {
  const session = await openModel(graph);
  const { y } = await session.run({ x: new ort.Tensor("float32", X, [2, INPUTS]) });
  await session.release();
  return [...(y!.data as Float32Array)];
}

const turned = transposed(W, OUTPUTS);
const halves = toFloat16(W);
const matMul = (weight: string) => makeNode("MatMul", ["x", weight], ["y"], { name: NAME });
const FORMS: Record<string, readonly [OnnxNode[], OnnxTensor[], Float32Array?]> = {
  MatMul: [[matMul("w")], [makeTensor("w", [INPUTS, OUTPUTS], turned)]],
  "MatMul behind a Transpose": [
    [makeNode("Transpose", ["w"], ["t"], { attributes: { perm: [1, 0] } }), matMul("t")],
    [makeTensor("w", [OUTPUTS, INPUTS], W)],
  ],
  "MatMul of a weight stored in float16": [
    [makeNode("Cast", ["w"], ["c"], { attributes: { to: DataType.float32 } }), matMul("c")],
    [makeTensor("w", [INPUTS, OUTPUTS], toFloat16(turned))],
    fromFloat16(halves),
  ],
  "Gemm of (outputs, inputs)": [
    [makeNode("Gemm", ["x", "w"], ["y"], { name: NAME, attributes: { transB: 1 } })],
    [makeTensor("w", [OUTPUTS, INPUTS], W)],
  ],
  "Gemm of (inputs, outputs)": [
    [makeNode("Gemm", ["x", "w"], ["y"], { name: NAME })],
    [makeTensor("w", [INPUTS, OUTPUTS], turned)],
  ],
  "MatMul that only its weight names": [
    [makeNode("MatMul", ["x", "model.layers.1.mlp.up_proj.weight"], ["y"], { name: "node_5" })],
    [makeTensor("model.layers.1.mlp.up_proj.weight", [INPUTS, OUTPUTS], turned)],
  ],
};

test.each(Object.entries(FORMS))("merged into %s", async (_, [nodes, weights, stored = W]) => {
  const stock = model(nodes, weights);
  const merged = withWeights(stock, await mergeWeights(stock, [update], readData));
  const expected = besides(stored);
  for (const [i, y] of (await run(merged)).entries()) expect(y).toBeCloseTo(expected[i]!, 5);
  expect((await run(stock))[0]).toBeCloseTo(linear(X, stored, INPUTS)[0]!, 5);
  // Nothing of the old weight is left.
  expect(merged.graph.initializers).toHaveLength(1);
  expect(merged.graph.nodes).toHaveLength(1);
});

test("a weight that two modules read is changed for one of them", async () => {
  const other = "/model/layers.0/mlp/up_proj/MatMul";
  const stock = model(
    [
      makeNode("MatMul", ["x", "w"], ["first"], { name: other }),
      makeNode("MatMul", ["x", "w"], ["second"], { name: NAME }),
      makeNode("Sub", ["second", "first"], ["y"]),
    ],
    [makeTensor("w", [INPUTS, OUTPUTS], turned)],
  );
  const merged = withWeights(stock, await mergeWeights(stock, [update], readData));
  const expected = besides(new Float32Array(W.length));
  for (const [i, y] of (await run(merged)).entries()) expect(y).toBeCloseTo(expected[i]!, 5);
});

test("a float16 weight is merged in float32 and rounded once; a graph may list it among its inputs", async () => {
  const inputs = [
    makeValueInfo("x", DataType.float16, [2, INPUTS]),
    makeValueInfo("w", DataType.float16, [OUTPUTS, INPUTS]),
  ];
  const stock = makeModel({
    nodes: [makeNode("Gemm", ["x", "w"], ["y"], { name: NAME, attributes: { transB: 1 } })],
    inputs,
    outputs: [makeValueInfo("y", DataType.float16, [2, OUTPUTS])],
    initializers: [makeTensor("w", [OUTPUTS, INPUTS], halves)],
  });
  const { graph } = withWeights(stock, await mergeWeights(stock, [update], readData));
  expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  const [weight] = graph.initializers;
  expect(weight!.dataType).toBe(DataType.float16);
  const { a, b, scale } = update;
  const ba = linear(b, transposed(a, RANK), RANK);
  const sum = fromFloat16(halves).map((value, i) => value + scale * ba[i]!);
  expect(weight!.rawData).toEqual(new Uint8Array(toFloat16(sum).buffer));
});

describe("an adapter that does not fit is refused by name", () => {
  const good = FORMS.MatMul!;
  const merging = (stock: OnnxModel, one: ModuleUpdate = update) =>
    mergeWeights(stock, [one], readData);
  const shape = { layers: 2, width: 32, heads: 2, kvHeads: 1, feedForward: 64, vocabulary: 300 };

  test.each([
    ["int8", "MatMulInteger"],
    ["int4", "MatMulNBits"],
  ] as const)("quantized graphs (%s)", async (weights, operator) => {
    const decoder = makeSyntheticDecoder({ ...shape, weights });
    const merged = merging(decoder, { ...update, inputs: 32, outputs: 64 });
    await expect(merged).rejects.toThrow(
      `${update.name}: the graph has ${operator} there; an adapter is merged into float32 or float16 weights of plain MatMul and Gemm nodes: use dtype fp32 or fp16`,
    );
    await expect(merged).rejects.toMatchObject({ code: "MODEL_LOAD" });
  });

  test.each<[string, OnnxModel, ModuleUpdate, string]>([
    [
      "a module that the graph has not",
      model(...(good.slice(0, 2) as [OnnxNode[], OnnxTensor[]])),
      { ...update, path: "layers.1.mlp.gate_proj" },
      "the graph has no linear node of layers.1.mlp.gate_proj; it has layers.1.mlp.up_proj",
    ],
    [
      "another shape",
      model(...(good.slice(0, 2) as [OnnxNode[], OnnxTensor[]])),
      { ...update, inputs: OUTPUTS, outputs: INPUTS },
      "is of 3 inputs and 5 outputs, the graph's weight of (outputs, inputs) = (3, 5)",
    ],
    [
      "a weight that is computed",
      model(
        [makeNode("Neg", ["w"], ["n"]), matMul("n")],
        [makeTensor("w", [INPUTS, OUTPUTS], turned)],
      ),
      update,
      "a weight that is no constant (Neg)",
    ],
    [
      "two nodes of one module",
      model(
        [
          makeNode("MatMul", ["x", "w"], ["first"], { name: `${NAME}_1` }),
          makeNode("MatMul", ["x", "w"], ["second"], { name: NAME }),
          makeNode("Sub", ["second", "first"], ["y"]),
        ],
        [makeTensor("w", [INPUTS, OUTPUTS], turned)],
      ),
      update,
      "has 2 nodes of layers.1.mlp.up_proj",
    ],
    [
      "a scaled product",
      model(
        [
          makeNode("Gemm", ["x", "w"], ["y"], {
            name: NAME,
            attributes: { alpha: { float: 2 } },
          }),
        ],
        [makeTensor("w", [INPUTS, OUTPUTS], turned)],
      ),
      update,
      "a scaled Gemm",
    ],
    [
      "a sum that overflows",
      model(...(good.slice(0, 2) as [OnnxNode[], OnnxTensor[]])),
      { ...update, scale: 3e38 },
      "its merged weight holds numbers that are not finite",
    ],
  ])("%s", async (_, graph, one, message) => {
    await expect(merging(graph, one)).rejects.toThrow(message);
    await expect(merging(graph, one)).rejects.toMatchObject({ code: "MODEL_LOAD" });
  });
});

test.each([
  ["/model/layers.0/self_attn/q_proj/MatMul", "layers.0.self_attn.q_proj"],
  ["/model/layers.12/attn/o_proj/MatMul_Q4", "layers.12.self_attn.o_proj"],
  ["model.layers.0.attn.o_proj.MatMul.weight", "layers.0.self_attn.o_proj"],
  ["/model/layers.3/mlp/down_proj/MatMul_output_0", "layers.3.mlp.down_proj"],
  ["model.model.layers.1.mlp.gate_proj", "layers.1.mlp.gate_proj"],
  ["model.layers.1.mlp.down_proj.weight.T", "layers.1.mlp.down_proj"],
  ["transformer.h.7.attn.c_attn", "layers.7.self_attn.c_attn"],
  ["/lm_head/MatMul", "lm_head"],
  ["language_model.lm_head", "lm_head"],
  ["onnx::MatMul_403", undefined],
  ["node_linear_4", undefined],
  ["multi_modal_projector.linear_1", undefined],
])("%s stands at %s", (name, path) => {
  expect(modulePath(name)).toBe(path);
});
