import * as ort from "onnxruntime-node";
import { STEERING_INPUTS } from "../../../src/onnx/edits/steering.js";
import type { OnnxModel } from "../../../src/onnx/graph-model.js";
import { embed, int64, repeated, upTo } from "../greedy-decoding.js";

export type Feeds = Record<string, ort.Tensor>;

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
export function decoderFeeds(model: OnnxModel, rows: number): Feeds {
  const ids = upTo(rows).map((b) => upTo(LENGTH).map((i) => (b * 31 + i * 7) % shape.vocabulary));
  const feeds: Feeds = {
    inputs_embeds: embed(ids, shape),
    attention_mask: int64(repeated(1, rows * LENGTH), [rows, LENGTH]),
    num_logits_to_keep: int64([0], []),
  };
  for (const { name } of model.graph.inputs) {
    if (name === "position_ids")
      feeds[name] = int64(
        upTo(rows).flatMap(() => upTo(LENGTH)),
        [rows, LENGTH],
      );
    if (name.startsWith("past"))
      feeds[name] = new ort.Tensor("float32", [], [rows, shape.kvHeads, 0, shape.headWidth]);
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
