/** Attention of {@link makeSyntheticDecoder}: in plain operators as PyTorch exports it, or fused. */
import { DataType } from "../../onnx/graph-model.js";
import type { DecoderContext } from "./context.js";
import { addLinear } from "./layers.js";

const THETA = 10000;

/** Values that all layers share: for plain attention [bias, cos, sin], for the fused one [seqlens, total, cos, sin]. */
export type SharedValues = readonly string[];

/** The additive mask [B, 1, S, T] and the rotary cos and sin [B, 1, S, D] from attention_mask and position_ids. */
export function addMaskBias(context: DecoderContext): SharedValues {
  const { graph, headWidth } = context;
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
  const bias = graph.op(
    "Where",
    [allowed, graph.float(0), graph.float(-3.4028234663852886e38)],
    "/model/Where",
  );

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
  return [bias, cos, sin];
}

/** seqlens_k [B], total_sequence_length and the cos and sin tables [positions, D/2] of GroupQueryAttention. */
export function addRotaryTables(context: DecoderContext): SharedValues {
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

/** Self-attention of one layer; returns its output [B, S, W] and the present key and value [B, KV, T, D]. */
export function addAttention(
  context: DecoderContext,
  x: string,
  past: readonly string[],
  shared: SharedValues,
  name: string,
): { output: string; key: string; value: string } {
  const { headWidth } = context;
  const { width, heads, kvHeads, attention } = context.options;
  const query = addLinear(context, x, width, heads * headWidth, `${name}/q_proj`);
  const key = addLinear(context, x, width, kvHeads * headWidth, `${name}/k_proj`);
  const value = addLinear(context, x, width, kvHeads * headWidth, `${name}/v_proj`);
  const attend = attention === "concat" ? attendPlainly : attendFused;
  const result = attend(context, [query, key, value], past, shared, name);
  return {
    ...result,
    output: addLinear(context, result.output, heads * headWidth, width, `${name}/o_proj`),
  };
}

function attendFused(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  shared: SharedValues,
  name: string,
): { output: string; key: string; value: string } {
  const { heads, kvHeads } = context.options;
  const attributes = {
    num_heads: heads,
    kv_num_heads: kvHeads,
    do_rotary: 1,
    rotary_interleaved: 0,
  };
  const inputs = [...projected, ...past, ...shared];
  const outputs = context.graph.ops(
    "GroupQueryAttention",
    inputs,
    `${name}/GroupQueryAttention`,
    3,
    attributes,
    "com.microsoft",
  );
  const [output = "", key = "", value = ""] = outputs;
  return { output, key, value };
}

function attendPlainly(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  shared: SharedValues,
  name: string,
): { output: string; key: string; value: string } {
  const { graph, headWidth } = context;
  const { heads, kvHeads, width } = context.options;
  const [pastKey = "", pastValue = ""] = past;
  const [q = "", k = "", v = ""] = projected;
  const [bias = "", cos = "", sin = ""] = shared;
  const query = rotate(split(q, heads, "q"), "q");
  const key = graph.op(
    "Concat",
    [pastKey, rotate(split(k, kvHeads, "k"), "k")],
    `${name}/Concat_5`,
    { axis: 2 },
  );
  const value = graph.op("Concat", [pastValue, split(v, kvHeads, "v")], `${name}/Concat_6`, {
    axis: 2,
  });
  const keys = graph.op("Transpose", [repeat(key, "k")], `${name}/Transpose_3`, {
    perm: [0, 1, 3, 2],
  });
  const products = graph.op("MatMul", [query, keys], `${name}/MatMul`);
  const scaled = graph.op(
    "Mul",
    [products, graph.float(1 / Math.sqrt(headWidth))],
    `${name}/Mul_4`,
  );
  const scores = graph.op("Add", [scaled, bias], `${name}/Add_2`);
  const weights = graph.op("Softmax", [scores], `${name}/Softmax`, { axis: -1 });
  const mixed = graph.op("MatMul", [weights, repeat(value, "v")], `${name}/MatMul_1`);
  const together = graph.op("Transpose", [mixed], `${name}/Transpose_4`, { perm: [0, 2, 1, 3] });
  const output = graph.op(
    "Reshape",
    [together, graph.integers([0, 0, width])],
    `${name}/Reshape_3`,
  );
  return { output, key, value };

  /** [B, S, n*D] -> [B, n, S, D] */
  function split(projection: string, n: number, kind: string): string {
    const shaped = graph.op(
      "Reshape",
      [projection, graph.integers([0, 0, n, headWidth])],
      `${name}/${kind}/Reshape`,
    );
    return graph.op("Transpose", [shaped], `${name}/${kind}/Transpose`, { perm: [0, 2, 1, 3] });
  }

  /** x cos + rotate_half(x) sin, where rotate_half([a, b]) = [-b, a]. */
  function rotate(x: string, kind: string): string {
    const half = headWidth / 2;
    const part = (from: number, to: number, i: number): string =>
      graph.op(
        "Slice",
        [x, graph.integers([from]), graph.integers([to]), graph.integers([3])],
        `${name}/${kind}/Slice_${i}`,
      );
    const negated = graph.op("Neg", [part(half, headWidth, 1)], `${name}/${kind}/Neg`);
    const turned = graph.op("Concat", [negated, part(0, half, 0)], `${name}/${kind}/Concat`, {
      axis: -1,
    });
    const straight = graph.op("Mul", [x, cos], `${name}/${kind}/Mul`);
    const crossed = graph.op("Mul", [turned, sin], `${name}/${kind}/Mul_1`);
    return graph.op("Add", [straight, crossed], `${name}/${kind}/Add`);
  }

  /** [B, KV, T, D] -> [B, H, T, D], each key/value head serving H / KV query heads. */
  function repeat(x: string, kind: string): string {
    if (heads === kvHeads) return x;
    const single = graph.op("Unsqueeze", [x, graph.integers([2])], `${name}/${kind}/Unsqueeze`);
    const shape = graph.integers([1, 1, heads / kvHeads, 1, 1]);
    const many = graph.op("Expand", [single, shape], `${name}/${kind}/Expand`);
    return graph.op(
      "Reshape",
      [many, graph.integers([0, heads, -1, headWidth])],
      `${name}/${kind}/Reshape_2`,
    );
  }
}
