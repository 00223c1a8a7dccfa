/**
 * Random Llama-type decoder graphs of any size, in the forms that exporters produce: for tests of surgery and engine
 * without a download, and for speed benchmarks.
 */
import { DataType, type OnnxModel } from "../../onnx/graph-model.js";
import { addAttention } from "./attention.js";
import { type DecoderContext, decoderContext, type SyntheticDecoderOptions } from "./context.js";
import { addLinear, addNorm, addSkipNorm } from "./layers.js";
import { addShared } from "./shared-values.js";

/**
 * Builds a decoder: inputs_embeds [B, S, W], attention_mask [B, T], position_ids [B, S] (not group-query),
 * num_logits_to_keep (0: all), past_key_values.N.key/value [B, KV, P, D] -> logits [B, n, V] and
 * present.N.key/value [B, KV, T, D], with the value names of a PyTorch export of LlamaForCausalLM.
 *
 * @throws InvalidArgumentError when heads do not divide the width or kvHeads the heads
 */
export function makeSyntheticDecoder(options: SyntheticDecoderOptions): OnnxModel {
  const context = decoderContext(options);
  const { graph, headWidth } = context;
  const { layers, width, kvHeads, norm, postNorms, vocabulary } = context.options;
  const embeds = graph.input("inputs_embeds", DataType.float32, ["batch_size", "sequence", width]);
  graph.input("attention_mask", DataType.int64, ["batch_size", "total_sequence"]);
  if (context.options.attention !== "group-query")
    graph.input("position_ids", DataType.int64, ["batch_size", "sequence"]);
  graph.input("num_logits_to_keep", DataType.int64, []);
  const shared = addShared(context);
  const cacheDims = ["batch_size", kvHeads, "past_sequence", headWidth];
  const presentDims = ["batch_size", kvHeads, "total_sequence", headWidth];
  let residual = embeds;
  let normed = addNorm(context, residual, "/model/layers.0/input_layernorm");
  for (let layer = 0; layer < layers; layer++) {
    const name = `/model/layers.${layer}`;
    const past = ["key", "value"].map((kind) =>
      graph.input(`past_key_values.${layer}.${kind}`, DataType.float32, cacheDims),
    );
    const attended = addAttention(context, normed, past, shared, `${name}/self_attn`);
    graph.output(attended.key, `present.${layer}.key`, DataType.float32, presentDims);
    graph.output(attended.value, `present.${layer}.value`, DataType.float32, presentDims);
    const afterAttention = addResidual(
      context,
      residual,
      postNorms
        ? addNorm(context, attended.output, `${name}/post_attention_layernorm`)
        : attended.output,
      `${name}/Add`,
      postNorms ? `${name}/pre_feedforward_layernorm` : `${name}/post_attention_layernorm`,
    );
    const projected = addFeedForward(context, afterAttention.normed, `${name}/mlp`);
    const fed = postNorms
      ? addNorm(context, projected, `${name}/post_feedforward_layernorm`)
      : projected;
    const nextNorm =
      layer + 1 < layers ? `/model/layers.${layer + 1}/input_layernorm` : "/model/norm";
    const next = addResidual(context, afterAttention.sum, fed, `${name}/Add_1`, nextNorm);
    residual = next.sum;
    normed = next.normed;
  }
  const start = graph.op("Neg", ["num_logits_to_keep"], "/Neg");
  const starts = graph.op("Reshape", [start, graph.integers([1])], "/Reshape");
  const slice = [normed, starts, graph.integers([2 ** 53 - 1]), graph.integers([1])];
  const kept = graph.op("Slice", slice, "/Slice");
  const logits = addLinear(context, kept, width, vocabulary, "/lm_head");
  graph.output(logits, "logits", DataType.float32, ["batch_size", "num_logits", vocabulary]);
  return graph.build(context.opset);

  function addResidual(
    parts: DecoderContext,
    stream: string,
    added: string,
    addName: string,
    normName: string,
  ) {
    if (norm === "fused") return addSkipNorm(parts, stream, added, normName);
    const sum = parts.graph.op("Add", [stream, added], addName);
    return { sum, normed: addNorm(parts, sum, normName) };
  }
}

/** The gated MLP of Llama: down(silu(gate(x)) * up(x)). */
function addFeedForward(context: DecoderContext, x: string, name: string): string {
  const { graph } = context;
  const { width, feedForward } = context.options;
  const gate = addLinear(context, x, width, feedForward, `${name}/gate_proj`);
  const sigmoid = graph.op("Sigmoid", [gate], `${name}/act_fn/Sigmoid`);
  const activated = graph.op("Mul", [gate, sigmoid], `${name}/act_fn/Mul`);
  const up = addLinear(context, x, width, feedForward, `${name}/up_proj`);
  const gated = graph.op("Mul", [activated, up], `${name}/Mul`);
  return addLinear(context, gated, feedForward, width, `${name}/down_proj`);
}
