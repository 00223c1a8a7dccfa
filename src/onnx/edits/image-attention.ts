/**
 * Adds a number to attention's scores at the columns of image tokens, in every layer and head:
 *
 *     weights = softmax(scores + strength at image tokens)
 *
 * Each row of a run has its own strength. -10000 takes an image out of sight, and is a number in float16 too.
 */
import { UnsupportedCapabilityError } from "../../errors.js";
import { attentionLayers, fusedReaderOf } from "../attention-weights.js";
import { makeNode, makeValueInfo } from "../build.js";
import { findAttentionCore } from "../find-attention.js";
import { GraphIndex } from "../graph-index.js";
import { changed, DataType, type OnnxModel, type OnnxNode } from "../graph-model.js";
import { insertBeforeUse } from "../insert-before-use.js";
import { readBy } from "../remove-unused.js";
import { addBias, BIAS_CONSTANTS } from "./attention-bias.js";
import { type EditedRun, type EditInput, type GraphEdit, imageColumns } from "./graph-edit.js";

const PREFIX = "image_attention";
const INPUT = `${PREFIX}.gain`;

/**
 * The edit that strengthens or weakens attention to images: its strength is added to the scores of image tokens.
 *
 * @throws UnsupportedCapabilityError from `apply`, when a layer's attention cannot be found
 */
export const imageAttentionEdit: GraphEdit = {
  key: "attention to images",
  graph: "decoder",
  stage: "attention",
  apply: addImageGain,
  feeds: (run) => ({ [INPUT]: gains(run) }),
};

function addImageGain(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const index = new GraphIndex(graph);
  const replaced = new Map<OnnxNode, OnnxNode>();
  const added: OnnxNode[] = [];
  for (const layer of attentionLayers(index)) {
    const past = `past_key_values.${layer}.key`;
    const gain = gainOfType(index.input(past)!.elemType);
    const fused = fusedReaderOf(past, index);
    const { node, nodes } =
      fused === undefined ? gainPlainly(index, layer, gain) : gainFused(index, fused, gain);
    replaced.set(node.before, node.after);
    added.push(...nodes);
    if (gain !== INPUT && !added.some(({ outputs }) => outputs[0] === gain)) {
      added.push(makeNode("Cast", [INPUT], [gain], { attributes: { to: DataType.float16 } }));
    }
  }
  // Its axes have the names of the mask's, so that the runtime knows what it knew before.
  const [batch = null, columns = null] = index.input("attention_mask")?.dims ?? [];
  const steps = index.input("inputs_embeds")?.dims?.[1] ?? null;
  return changed(model, {
    graph: changed(graph, {
      nodes: insertBeforeUse(graph.nodes, replaced, added),
      initializers: [...graph.initializers, ...readBy(added, BIAS_CONSTANTS)],
      inputs: [...graph.inputs, makeValueInfo(INPUT, DataType.float32, [batch, 1, steps, columns])],
    }),
  });
}

function gainOfType(elemType: number): string {
  return elemType === DataType.float16 ? `${PREFIX}/half` : INPUT;
}

/** A node, what takes its place, and what that needs. */
interface Gained {
  readonly node: { readonly before: OnnxNode; readonly after: OnnxNode };
  readonly nodes: readonly OnnxNode[];
}

function gainPlainly(index: GraphIndex, layer: number, gain: string): Gained {
  const { weights } = findAttentionCore(index, layer);
  const before = index.producer(index.origin(weights));
  const [scores = ""] = before?.inputs ?? [];
  if (before?.opType !== "Softmax") {
    throw new UnsupportedCapabilityError(
      `attention of layer ${layer}: looked for a Softmax behind ${weights}, found ${before?.opType ?? "none"}`,
    );
  }
  const gained = `${scores}/gained`;
  return {
    node: { before, after: changed(before, { inputs: [gained] }) },
    nodes: [makeNode("Add", [scores, gain], [gained])],
  };
}

function gainFused(index: GraphIndex, before: OnnxNode, gain: string): Gained {
  const { after, nodes } = addBias(index, before, gain, `${before.name}/gained`);
  return { node: { before, after }, nodes };
}

/** (B, 1, S, T): the row's strength at the columns of its image tokens. */
function gains({ rows, steps, columns }: EditedRun): EditInput {
  const data = new Float32Array(rows.length * steps * columns);
  rows.forEach((row, b) => {
    for (const column of imageColumns(row)) {
      for (let s = 0; s < steps; s++) data[(b * steps + s) * columns + column] = row.strength;
    }
  });
  return { data, dims: [rows.length, 1, steps, columns] };
}
