/** What the attention of all layers of {@link makeSyntheticDecoder} shares: masks, lengths, rotary angles. */
import { DataType } from "../../onnx/graph-model.js";
import type { DecoderContext } from "./context.js";

const THETA = 10000;
/** Values that all layers share: where attention is plain, multi-head or standard [mask, cos, sin], else of GroupQueryAttention. */
export type SharedValues = readonly string[];

/** Adds what the attention of all layers shares. */
export function addShared(context: DecoderContext): SharedValues {
  const { attention } = context.options;
  return attention.startsWith("group-query") ? addRotaryTables(context) : addMask(context);
}

/** The mask [B, 1, S, T], bool or additive, and the rotary cos and sin [B, 1, S, D] from attention_mask and position_ids. */
function addMask(context: DecoderContext): SharedValues {
  const { graph, headWidth } = context;
  const { attention } = context.options;
  const maskShape = graph.op("Shape", ["attention_mask"], "/model/Shape");
  const total = graph.op("Gather", [maskShape, graph.integers(1)], "/model/Gather");
  const embedsShape = graph.op("Shape", ["inputs_embeds"], "/model/Shape_1");
  const count = graph.op("Gather", [embedsShape, graph.integers(1)], "/model/Gather_1");
  const keys = graph.op("Range", [graph.integers(0), total, graph.integers(1)], "/model/Range");
  const first = graph.op("Sub", [total, count], "/model/Sub");
  const queries = graph.op("Range", [first, total, graph.integers(1)], "/model/Range_1");
  const column = graph.op("Unsqueeze", [queries, graph.integers([1])], "/model/Unsqueeze");
  const causal = graph.op("LessOrEqual", [keys, column], "/model/LessOrEqual");
  const filled = graph.op("Cast", ["attention_mask"], "/model/Cast", { to: DataType.bool });
  const filled4 = graph.op("Unsqueeze", [filled, graph.integers([1, 2])], "/model/Unsqueeze_1");
  const allowed = graph.op("And", [causal, filled4], "/model/And");
  const lowest = graph.float(-3.4028234663852886e38);
  const bias = graph.op("Where", [allowed, graph.float(0), lowest], "/model/Where");

  const half = headWidth / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => THETA ** (-i / half));
  const inverse = graph.constant("model.rotary_emb.inv_freq", [1, 1, half], frequencies);
  const positions = graph.op("Cast", ["position_ids"], "/model/rotary_emb/Cast", {
    to: DataType.float32,
  });
  const positions3 = graph.op(
    "Unsqueeze",
    [positions, graph.integers([2])],
    "/model/rotary_emb/Unsqueeze",
  );
  const angles = graph.op("Mul", [positions3, inverse], "/model/rotary_emb/Mul");
  const twice = graph.op("Concat", [angles, angles], "/model/rotary_emb/Concat", { axis: -1 });
  const angles4 = graph.op(
    "Unsqueeze",
    [twice, graph.integers([1])],
    "/model/rotary_emb/Unsqueeze_1",
  );
  const cos = graph.op("Cos", [angles4], "/model/rotary_emb/Cos");
  const sin = graph.op("Sin", [angles4], "/model/rotary_emb/Sin");
  return [attention === "attention" ? allowed : bias, cos, sin];
}

/** seqlens_k [B], total_sequence_length and the cos and sin tables [positions, D/2] of GroupQueryAttention. */
function addRotaryTables(context: DecoderContext): SharedValues {
  const { graph, headWidth } = context;
  const { maxPositions } = context.options;
  const name = "/model/attn_mask_reformat";
  const sum = graph.op("ReduceSum", ["attention_mask", graph.integers([1])], `${name}/ReduceSum`, {
    keepdims: 0,
  });
  const last = graph.op("Sub", [sum, graph.integers(1)], `${name}/Sub`);
  const lengths = graph.op("Cast", [last], `${name}/Cast`, { to: DataType.int32 });
  const shape = graph.op("Shape", ["attention_mask"], `${name}/Shape`);
  const width = graph.op("Gather", [shape, graph.integers(1)], `${name}/Gather`);
  const total = graph.op("Cast", [width], `${name}/Cast_1`, { to: DataType.int32 });
  const half = headWidth / 2;
  const angle = (i: number): number => Math.floor(i / half) * THETA ** (-(i % half) / half);
  const table = (f: (x: number) => number): Float32Array =>
    Float32Array.from({ length: maxPositions * half }, (_, i) => f(angle(i)));
  const cos = graph.constant("cos_cache", [maxPositions, half], table(Math.cos));
  const sin = graph.constant("sin_cache", [maxPositions, half], table(Math.sin));
  return [lengths, total, cos, sin];
}
