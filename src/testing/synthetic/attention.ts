/** Attention of {@link makeSyntheticDecoder}: in plain operators as PyTorch exports it, or in one that is fused. */
import type { DecoderContext, SyntheticAttention } from "./context.js";
import { addLinear } from "./layers.js";
import type { SharedValues } from "./shared-values.js";

const MICROSOFT = "com.microsoft";

/** What a layer's attention gives: its output [B, S, W], and present key and value [B, KV, T, D]. */
export interface Attended {
  readonly output: string;
  readonly key: string;
  readonly value: string;
}

/** Self-attention of one layer. */
export function addAttention(
  context: DecoderContext,
  x: string,
  past: readonly string[],
  shared: SharedValues,
  name: string,
): Attended {
  const { headWidth } = context;
  const { width, heads, kvHeads, attention } = context.options;
  const query = addLinear(context, x, width, heads * headWidth, `${name}/q_proj`);
  const key = addLinear(context, x, width, kvHeads * headWidth, `${name}/k_proj`);
  const value = addLinear(context, x, width, kvHeads * headWidth, `${name}/v_proj`);
  const result = ATTEND[attention](context, [query, key, value], past, shared, name);
  return {
    ...result,
    output: addLinear(context, result.output, heads * headWidth, width, `${name}/o_proj`),
  };
}

const ATTEND: Record<SyntheticAttention, typeof attendPlainly> = {
  concat: attendPlainly,
  "group-query": attendInGroups,
  "group-query-rotated": attendInGroups,
  "multi-head": attendMultiHead,
  attention: attendStandard,
};

function attendInGroups(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  shared: SharedValues,
  name: string,
): Attended {
  const { graph } = context;
  const { heads, kvHeads, attention } = context.options;
  const [lengths = "", total = "", cos = "", sin = ""] = shared;
  const isRotated = attention === "group-query-rotated";
  const [q = "", k = "", value = ""] = projected;
  const turn = (x: string, kind: string): string =>
    graph.op(
      "RotaryEmbedding",
      [x, "position_ids", cos, sin],
      `${name}/${kind}_rotary/RotaryEmbedding`,
      {},
      MICROSOFT,
    );
  const heading = isRotated ? [turn(q, "q"), turn(k, "k")] : [q, k];
  const tables = isRotated ? [] : [cos, sin];
  const [output = "", present = "", presentValue = ""] = graph.ops(
    "GroupQueryAttention",
    [...heading, value, ...past, lengths, total, ...tables],
    `${name}/GroupQueryAttention`,
    3,
    {
      num_heads: heads,
      kv_num_heads: kvHeads,
      do_rotary: isRotated ? 0 : 1,
      rotary_interleaved: 0,
    },
    MICROSOFT,
  );
  return { output, key: present, value: presentValue };
}

function attendMultiHead(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  [bias = "", ...turns]: SharedValues,
  name: string,
): Attended {
  const { graph } = context;
  const { heads } = context.options;
  const [q = "", k = "", v = ""] = projected;
  const turned = (x: string, kind: string): string =>
    joinHeads(
      context,
      rotate(context, splitHeads(context, x, heads, `${name}/${kind}`), turns, `${name}/${kind}`),
      `${name}/${kind}`,
    );
  const [output = "", key = "", value = ""] = graph.ops(
    "MultiHeadAttention",
    [turned(q, "q"), turned(k, "k"), v, "", "", bias, ...past],
    `${name}/MultiHeadAttention`,
    3,
    { num_heads: heads },
    MICROSOFT,
  );
  return { output, key, value };
}

function attendStandard(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  [mask = "", ...turns]: SharedValues,
  name: string,
): Attended {
  const { graph } = context;
  const { heads, kvHeads } = context.options;
  const [q = "", k = "", v = ""] = projected;
  const turned = (x: string, count: number, kind: string): string =>
    rotate(context, splitHeads(context, x, count, `${name}/${kind}`), turns, `${name}/${kind}`);
  const [mixed = "", key = "", value = ""] = graph.ops(
    "Attention",
    [
      turned(q, heads, "q"),
      turned(k, kvHeads, "k"),
      splitHeads(context, v, kvHeads, `${name}/v`),
      mask,
      ...past,
    ],
    `${name}/Attention`,
    3,
  );
  return { output: joinHeads(context, mixed, name), key, value };
}

function attendPlainly(
  context: DecoderContext,
  projected: readonly string[],
  past: readonly string[],
  shared: SharedValues,
  name: string,
): Attended {
  const { graph, headWidth } = context;
  const { heads, kvHeads } = context.options;
  const [pastKey = "", pastValue = ""] = past;
  const [q = "", k = "", v = ""] = projected;
  const [bias = "", cos = "", sin = ""] = shared;
  const query = rotate(
    context,
    splitHeads(context, q, heads, `${name}/q`),
    [cos, sin],
    `${name}/q`,
  );
  const turned = rotate(
    context,
    splitHeads(context, k, kvHeads, `${name}/k`),
    [cos, sin],
    `${name}/k`,
  );
  const key = graph.op("Concat", [pastKey, turned], `${name}/Concat_5`, { axis: 2 });
  const value = graph.op(
    "Concat",
    [pastValue, splitHeads(context, v, kvHeads, `${name}/v`)],
    `${name}/Concat_6`,
    { axis: 2 },
  );
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
  return { output: joinHeads(context, mixed, name), key, value };

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

/** [B, S, n*D] -> [B, n, S, D] */
function splitHeads(
  { graph, headWidth }: DecoderContext,
  x: string,
  heads: number,
  name: string,
): string {
  const shape = graph.integers([0, 0, heads, headWidth]);
  const shaped = graph.op("Reshape", [x, shape], `${name}/Reshape`);
  return graph.op("Transpose", [shaped], `${name}/Transpose`, { perm: [0, 2, 1, 3] });
}

/** [B, H, S, D] -> [B, S, W] */
function joinHeads({ graph, options }: DecoderContext, x: string, name: string): string {
  const together = graph.op("Transpose", [x], `${name}/Transpose_4`, { perm: [0, 2, 1, 3] });
  const shape = graph.integers([0, 0, options.width]);
  return graph.op("Reshape", [together, shape], `${name}/Reshape_3`);
}

/** x cos + rotate_half(x) sin, where rotate_half([a, b]) = [-b, a]. */
function rotate(
  { graph, headWidth }: DecoderContext,
  x: string,
  [cos = "", sin = ""]: readonly string[],
  name: string,
): string {
  const half = headWidth / 2;
  const part = (from: number, to: number, i: number): string =>
    graph.op(
      "Slice",
      [x, graph.integers([from]), graph.integers([to]), graph.integers([3])],
      `${name}/Slice_${i}`,
    );
  const negated = graph.op("Neg", [part(half, headWidth, 1)], `${name}/Neg`);
  const turned = graph.op("Concat", [negated, part(0, half, 0)], `${name}/Concat`, { axis: -1 });
  const straight = graph.op("Mul", [x, cos], `${name}/Mul`);
  const crossed = graph.op("Mul", [turned, sin], `${name}/Mul_1`);
  return graph.op("Add", [straight, crossed], `${name}/Add`);
}
