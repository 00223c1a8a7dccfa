/** Decoders as older exporters merged them: twice in one graph, in the branches of an If, with a past and without. */
import { makeNode, makeTensor, makeValueInfo } from "../../src/onnx/build.js";
import {
  changed,
  DataType,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
} from "../../src/onnx/graph-model.js";
import {
  integerField,
  joinPieces,
  messageField,
  readFields,
  textField,
} from "../../src/onnx/wire.js";
import { writeModel } from "../../src/onnx/write-model.js";

const PAST = /^past_key_values\./;
const CONSTANTS = [0, 1, 2, 2 ** 40].map((value) =>
  makeTensor(`branches/${value}`, [1], BigInt64Array.of(BigInt(value))),
);
const [ZERO, ONE, TWO, END] = CONSTANTS.map(({ name }) => name) as [string, string, string, string];

/**
 * Merges a decoder with itself under an input `use_cache_branch`. The branch with a past fails where there is none; the
 * one without takes no notice of it.
 */
export function mergeBranches(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const flag = makeValueInfo("use_cache_branch", DataType.bool, [1]);
  const attributes = [
    branch(model, "then_branch", "with_past", (past, made) => [
      makeNode("Slice", [past, ZERO, ONE, TWO], [`${made}/first`]),
      makeNode("Squeeze", [`${made}/first`, TWO], [`${made}/row`]),
      makeNode("Unsqueeze", [`${made}/row`, TWO], [`${made}/again`]),
      makeNode("Slice", [past, ONE, END, TWO], [`${made}/rest`]),
      makeNode("Concat", [`${made}/again`, `${made}/rest`], [made], { attributes: { axis: 2 } }),
    ]),
    branch(model, "else_branch", "without", (past, made) => [
      makeNode("Slice", [past, ZERO, ZERO, TWO], [made]),
    ]),
  ];
  const outputs = graph.outputs.map(({ name }) => name);
  const node = { ...makeNode("If", [flag.name], outputs, { name: "branches" }), attributes };
  return changed(model, {
    graph: changed(graph, {
      nodes: [node],
      initializers: [...graph.initializers, ...CONSTANTS],
      inputs: [...graph.inputs, flag],
      rest: [],
    }),
  });
}

/** A branch whose values have names of their own, and whose pasts are made of the outer ones. */
function branch(
  model: OnnxModel,
  name: string,
  prefix: string,
  takePast: (past: string, made: string) => OnnxNode[],
): OnnxAttribute {
  const { graph } = model;
  const pasts = graph.inputs.flatMap((input) => (PAST.test(input.name) ? [input.name] : []));
  const own = new Set([...pasts, ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  own.delete("");
  const rename = (value: string) => (own.has(value) ? `${prefix}/${value}` : value);
  const nodes = graph.nodes.map((node) =>
    changed(node, { inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }),
  );
  const inner = changed(graph, {
    name: prefix,
    nodes: [...pasts.flatMap((past) => takePast(past, rename(past))), ...nodes],
    initializers: [],
    inputs: [],
    outputs: graph.outputs.map((output) =>
      makeValueInfo(rename(output.name), output.elemType, output.dims),
    ),
    rest: [],
  });
  const GRAPH = 7;
  const { value } = readFields(writeModel(changed(model, { graph: inner }))).find(
    ({ number }) => number === GRAPH,
  )!;
  const encoded = joinPieces([textField(1, name), messageField(6, value), integerField(20, 5)]);
  return { name, value: { kind: "graph" }, encoded };
}
