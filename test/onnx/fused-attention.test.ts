/** What attributes and masks of fused attention say of the cache that it may be fed. */
import { describe, expect, test } from "vitest";
import { ModelLoadError, UnsupportedCapabilityError } from "../../src/errors.js";
import { refuseFusedWeights } from "../../src/node/device-options.js";
import { makeAttribute } from "../../src/onnx/build.js";
import { decoderTraits } from "../../src/onnx/decoder-traits.js";
import { attentionEdit } from "../../src/onnx/edits/attention.js";
import { returnNewRows } from "../../src/onnx/edits/cache-delta.js";
import { imageAttentionEdit } from "../../src/onnx/edits/image-attention.js";
import { changed, type OnnxModel, type OnnxNode } from "../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { CHECKPOINTS, openModel } from "../checkpoints.js";
import { changeGraph, copyOf } from "../node/doctor/damage.js";
import { shape } from "./edits/small-runs.js";

const sizes = { ...shape, kvHeads: shape.heads };
const FUSED = /^(GroupQuery|MultiHead)?Attention$/;

/** Changes the fused attention of every layer, or of the first alone. */
function withFused(
  model: OnnxModel,
  change: (node: OnnxNode) => OnnxNode,
  first = false,
): OnnxModel {
  const { nodes } = model.graph;
  const found = nodes.filter(({ opType }) => FUSED.test(opType));
  expect(found.length).toBeGreaterThan(0);
  const touched = new Set(first ? found.slice(0, 1) : found);
  const made = nodes.map((node) => (touched.has(node) ? change(node) : node));
  return changed(model, { graph: changed(model.graph, { nodes: made }) });
}

const having = (name: string, value: number) => (node: OnnxNode) =>
  changed(node, { attributes: [...node.attributes, makeAttribute(name, value)] });
const without = (input: number) => (node: OnnxNode) =>
  changed(node, { inputs: node.inputs.map((name, i) => (i === input ? "" : name)) });

describe("a past with room to spare is fed only where attention leaves out what the mask does", () => {
  const multi = makeSyntheticDecoder({ ...sizes, attention: "multi-head" });
  const standard = makeSyntheticDecoder({ ...sizes, attention: "attention" });

  test.each<[string, OnnxModel, string]>([
    ["MultiHeadAttention with the mask", multi, "masked"],
    ["MultiHeadAttention without one", withFused(multi, without(5)), "exact"],
    ["one layer without one", withFused(multi, without(5), true), "exact"],
    ["Attention with the mask", standard, "masked"],
    ["Attention without one", withFused(standard, without(3)), "exact"],
    [
      "a window, which counts what is left out too",
      withFused(standard, having("left_window_size", 3)),
      "exact",
    ],
  ])("%s", (_, model, layout) => {
    expect(returnNewRows(model).pastLayout).toBe(layout);
  });
});

test("windows are told layer by layer, as tokens that a token sees, itself among them", () => {
  const groups = makeSyntheticDecoder({ ...sizes, attention: "group-query" });
  const windows = (model: OnnxModel) => decoderTraits(model).windows;
  expect(windows(withFused(groups, having("local_window_size", 8), true))).toEqual([8, null, null]);
  const standard = makeSyntheticDecoder({ ...sizes, attention: "attention" });
  expect(windows(withFused(standard, having("left_window_size", 7)))).toEqual([8, 8, 8]);
  expect(windows(makeSyntheticDecoder(sizes))).toEqual([]);
});

test("an operator that keeps its window alone, and turns round in it, is refused by file and name", async () => {
  const folder = await copyOf("smolvlm-gqa", CHECKPOINTS);
  await changeGraph(folder, "decoder_model_merged", (model) =>
    withFused(model, having("sliding_window_cache", 1)),
  );
  const refused = await openModel(folder).catch((error) => error);
  expect(refused).toBeInstanceOf(ModelLoadError);
  expect(refused.message).toMatch(
    /decoder_model_merged\.onnx: GroupQueryAttention ".*" keeps a cache of its window alone/,
  );
});

describe("on a device", () => {
  const edited = (attention: "concat" | "group-query" | "multi-head" | "attention") =>
    attentionEdit([1]).apply(makeSyntheticDecoder({ ...sizes, attention }));

  test.each(["group-query", "multi-head", "attention"] as const)(
    "weights of %s are refused by file, operator and device",
    (attention) => {
      const refuse = () => refuseFusedWeights("a/decoder.onnx", edited(attention), "webgpu");
      expect(refuse).toThrow(UnsupportedCapabilityError);
      expect(refuse).toThrow(
        /^a\/decoder\.onnx: attention cannot be read on webgpu: .*Attention "\/model\/layers\.1\/self_attn\/\w+" gives its weights on the CPU only/,
      );
      expect(() => refuseFusedWeights("a", edited(attention), "cpu")).not.toThrow();
    },
  );

  test("those of single operators, and attention to images, are not", () => {
    expect(() => refuseFusedWeights("a", edited("concat"), "webgpu")).not.toThrow();
    const gained = imageAttentionEdit.apply(
      makeSyntheticDecoder({ ...sizes, attention: "group-query" }),
    );
    expect(() => refuseFusedWeights("a", gained, "webgpu")).not.toThrow();
  });
});
