import { describe, expect, test } from "vitest";
import { layerRange } from "../../../src/methods/layer-range.js";
import { addEarlyExits } from "../../../src/onnx/edits/early-exit.js";
import { addHiddenStates } from "../../../src/onnx/edits/hidden-states.js";
import { stackedExits } from "../../../src/onnx/edits/stacked-exits.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { int64, openModel } from "../greedy-decoding.js";
import { bits, decoderFeeds, largestGap, shape } from "./small-runs.js";

const VOCABULARY = shape.vocabulary;

describe.each([
  { attention: "concat", norm: "plain" },
  { attention: "concat", norm: "fused" },
  { attention: "group-query", norm: "fused" },
  { attention: "concat", norm: "plain", postNorms: true },
] as const)("a decoder with $attention attention and $norm norms", (form) => {
  const stock = makeSyntheticDecoder({ ...shape, ...form });
  const choice = layerRange("layers", "0-2");
  const feeds = {
    ...decoderFeeds(stock, 2, { ...shape, ...form }),
    num_logits_to_keep: int64([1], []),
  };

  test("gives, in one product, the exits that stand alone, and leaves logits and cache", async () => {
    const { edit, logits, normalizers } = stackedExits(choice, { norm: "final" });
    const alone = await (await openModel(addEarlyExits(stock, [0, 1, 2]))).run(feeds);
    const before = await (await openModel(stock)).run(feeds);
    const together = await (await openModel(edit.apply(stock))).run(feeds);
    const rows = together[logits]!;
    expect(rows.dims).toEqual([2, 3, VOCABULARY]);
    const data = rows.data as Float32Array;
    for (const [b, i] of [0, 1].flatMap((b) => [0, 1, 2].map((i) => [b, i] as const))) {
      const own = data.subarray((b * 3 + i) * VOCABULARY, (b * 3 + i + 1) * VOCABULARY);
      const other = (alone[`early.${i}`]!.data as Float32Array).subarray(b * VOCABULARY);
      expect(largestGap(own, other.subarray(0, VOCABULARY))).toBeLessThan(1e-5);
      const sum = own.reduce((total, logit) => total + Math.exp(logit), 0);
      const normalizer = (together[normalizers]!.data as Float32Array)[b * 3 + i]!;
      expect(Math.abs(normalizer - Math.log(sum))).toBeLessThan(1e-4);
    }
    for (const name of Object.keys(before).filter((name) => name !== "logits"))
      expect(bits(together[name]).equals(bits(before[name]))).toBe(true);
    // One product of several rows may round otherwise than that of one.
    const [own, stocks] = [together, before].map(({ logits }) => logits!.data as Float32Array);
    expect(largestGap(own, stocks)).toBeLessThan(1e-5);
    expect(together.logits!.dims).toEqual([2, 1, VOCABULARY]);
    // The head's weights are read in one node.
    const products = edit
      .apply(stock)
      .graph.nodes.filter(({ inputs }) => inputs.includes("lm_head.weight"));
    expect(products).toHaveLength(1);
  });

  test("without the norm, gives the head's product with the mean state", async () => {
    const { edit, logits } = stackedExits(choice, { norm: "none", isMean: true });
    const both = addHiddenStates(edit.apply(stock), { positions: "last" }).model;
    const found = await (await openModel(both)).run(feeds);
    const bytes = stock.graph.initializers.find(({ name }) => name === "lm_head.weight")!.rawData!;
    const head = new Float32Array(Uint8Array.from(bytes).buffer); // (W, V)
    const made = found[logits]!.data as Float32Array;
    for (const b of [0, 1]) {
      const byHand = Array.from({ length: VOCABULARY }, (_, v) => {
        let sum = 0;
        for (const i of [0, 1, 2]) {
          const state = found[`hidden.${i}`]!.data as Float32Array;
          for (let w = 0; w < shape.width; w++)
            sum += (state[b * shape.width + w]! * head[w * VOCABULARY + v]!) / 3;
        }
        return sum;
      });
      const own = made.subarray(b * VOCABULARY, (b + 1) * VOCABULARY);
      expect(largestGap(own, byHand)).toBeLessThan(1e-4);
    }
  });
});
