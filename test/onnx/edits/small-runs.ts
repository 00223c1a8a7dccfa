import * as ort from "onnxruntime-node";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import type { EditedRun, EditInput, GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { STEERING_INPUTS, steeringEdit } from "../../../src/onnx/edits/steering.js";
import type { OnnxModel } from "../../../src/onnx/graph-model.js";
import { writeModel } from "../../../src/onnx/write-model.js";
import { type DecoderShape, embed, type Feeds, int64, repeated, upTo } from "../greedy-decoding.js";

/** A small decoder for tests of edits. */
export const shape = {
  layers: 3,
  width: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  vocabulary: 120,
  headWidth: 16,
};
/** Tokens of each row that {@link decoderFeeds} feeds. */
export const LENGTH = 6;

/** Feeds of a first pass: {@link LENGTH} tokens a row, all logits kept. */
export function decoderFeeds(
  model: OnnxModel,
  rows: number,
  { kvHeads, headWidth, vocabulary, width }: DecoderShape = shape,
): Feeds {
  const ids = upTo(rows).map((b) => upTo(LENGTH).map((i) => (b * 31 + i * 7) % vocabulary));
  const feeds: Feeds = {
    inputs_embeds: embed(ids, { vocabulary, width }),
    attention_mask: int64(repeated(1, rows * LENGTH), [rows, LENGTH]),
  };
  for (const { name } of model.graph.inputs) {
    if (name === "position_ids")
      feeds[name] = int64(
        upTo(rows).flatMap(() => upTo(LENGTH)),
        [rows, LENGTH],
      );
    if (name === "num_logits_to_keep") feeds[name] = int64([0], []);
    if (name.startsWith("past"))
      feeds[name] = new ort.Tensor("float32", [], [rows, kvHeads, 0, headWidth]);
  }
  return feeds;
}

export function steeringFeeds(
  directions: Float32Array,
  dims: number[],
  strengths: number[],
): Feeds {
  return {
    [STEERING_INPUTS.directions]: new ort.Tensor("float32", directions, dims),
    [STEERING_INPUTS.strengths]: new ort.Tensor("float32", Float32Array.from(strengths), [
      strengths.length,
    ]),
  };
}

/** The bytes of a tensor, for comparisons bit for bit. */
export const bits = (tensor: ort.Tensor | undefined): Buffer => {
  const data = tensor!.data as Float32Array;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
};

/** x <- normalize(normalize(x) + 0.1 alpha normalize(d)) |x|, as published. */
export function steerRow(x: Float32Array, d: Float32Array, alpha: number): Float32Array {
  const length = (v: Float32Array) => Math.max(Math.hypot(...v), 1e-12);
  const moved = x.map((value, i) => value / length(x) + (0.1 * alpha * d[i]!) / length(d));
  return moved.map((value) => (value / length(moved)) * length(x));
}

/** Steers every layer of a decoder of this {@link shape} by directions that this seed draws. */
export function randomSteering(seed: number): GraphEdit {
  const { layers, width } = shape;
  const data = new SeededRandom(seed).gaussians(layers * width);
  return steeringEdit("decoder", { layers, positions: 1, width, data });
}

/** What edits feed to a run of a session, as an engine would. */
export function editFeeds(
  session: ort.InferenceSession,
  edits: readonly GraphEdit[],
  run: Omit<EditedRun, "inputShape">,
): Feeds {
  const inputShape = (name: string) => {
    const input = session.inputMetadata.find((candidate) => candidate.name === name);
    return input?.isTensor ? input.shape : undefined;
  };
  const feeds = edits.flatMap((edit) => Object.entries(edit.feeds({ ...run, inputShape })));
  return Object.fromEntries(feeds.map(([name, input]) => [name, tensorOf(input)]));
}

function tensorOf({ data, dims }: EditInput): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor("float32", data, dims);
  if (data instanceof BigInt64Array) return new ort.Tensor("int64", data, dims);
  return new ort.Tensor("bool", data, dims);
}

/** The largest difference of two tensors' numbers. */
export function largestGap(
  a: ArrayLike<number> | undefined,
  b: ArrayLike<number> | undefined,
): number {
  const [first, second] = [Array.from(a ?? []), Array.from(b ?? [])];
  if (first.length === 0 || first.length !== second.length) return Number.NaN;
  return Math.max(...first.map((x, i) => Math.abs(x - (second[i] ?? Number.NaN))));
}

/** Whether two models are the same byte for byte. */
export function isSame(a: OnnxModel, b: OnnxModel): boolean {
  return Buffer.compare(writeModel(a), writeModel(b)) === 0;
}
