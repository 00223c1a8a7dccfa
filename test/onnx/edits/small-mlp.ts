/** A graph of nothing but one layer's MLP, for edits of what it adds. */
import * as ort from "onnxruntime-node";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import type { GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { openModel } from "../greedy-decoding.js";
import { editFeeds } from "./small-runs.js";

export const identity = (width: number): Float32Array =>
  Float32Array.from({ length: width * width }, (_, i) => (i % (width + 1) === 0 ? 1 : 0));

/** Runs an edit on a graph whose only layer's MLP output is its input, times a weight: (1, S, F) -> (1, S, W). */
export async function runMlp(
  edit: GraphEdit,
  x: ort.Tensor,
  weight: Float32Array,
  strength: number,
  values?: Float32Array,
): Promise<Float32Array> {
  const [, tokens = 1, inner = 1] = x.dims;
  const width = weight.length / inner;
  const model = makeModel({
    nodes: [
      makeNode("MatMul", ["x", "w"], ["m"], { name: "/layers.0/mlp/down_proj/MatMul" }),
      makeNode("Add", ["zeros", "m"], ["y"]),
    ],
    inputs: [
      makeValueInfo("x", 1, ["b", "t", inner]),
      makeValueInfo("zeros", 1, ["b", "t", width]),
    ],
    outputs: [makeValueInfo("y", 1, ["b", "t", width])],
    initializers: [makeTensor("w", [inner, width], weight)],
  });
  const session = await openModel(edit.apply(model));
  const place = {
    pastLength: 0,
    newLength: tokens,
    newColumn: 0,
    promptLength: tokens,
    images: [],
  };
  const run = { rows: [{ strength, values, ...place }], steps: tokens, columns: tokens };
  const zeros = new ort.Tensor("float32", new Float32Array(tokens * width), [1, tokens, width]);
  const { y } = await session.run({ x, zeros, ...editFeeds(session, [edit], run) });
  return y!.data as Float32Array;
}
