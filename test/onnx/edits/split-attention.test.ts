import { describe, expect, test } from "vitest";
import { UnsupportedCapabilityError } from "../../../src/errors.js";
import { returnNewRows } from "../../../src/onnx/edits/cache-delta.js";
import { splitAttention } from "../../../src/onnx/edits/split-attention.js";
import { changed } from "../../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { decodeDelta, decodeStock, largestGap, openModel, upTo } from "../greedy-decoding.js";

const base = {
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  vocabulary: 120,
  headWidth: 16,
};
const prompt = (length: number, seed: number) =>
  upTo(length).map((i) => (seed + i * 17) % base.vocabulary);

/** How many tokens of each row agree. Int8 takes one scale for all rows, so a rounding may turn any of them. */
const stepsAgreed = (a: number[][], b: number[][]) =>
  Math.min(...a.map((row, i) => [...row, -1].findIndex((token, step) => token !== b[i]![step])));

describe.each([
  ["two query heads for each key/value head", base],
  ["one key/value head for all", { ...base, kvHeads: 1 }],
  ["as many key/value heads as query heads", { ...base, kvHeads: 4 }],
  ["int8 weights and fused norms", { ...base, weights: "int8" as const, norm: "fused" as const }],
])("a decoder with %s", (_, shape) => {
  const model = makeSyntheticDecoder(shape);
  const delta = returnNewRows(model);
  const split = { ...delta, model: splitAttention(delta.model) };

  test("joins and repeats no cache any more", () => {
    const readers = split.model.graph.nodes.filter(({ inputs }) =>
      inputs.some((name) => name.startsWith("past_key_values")),
    );
    expect(new Set(readers.map(({ opType }) => opType))).toEqual(
      new Set(["Shape", "Transpose", "MatMul"]),
    );
    expect(split.model.graph.nodes.some(({ opType }) => opType === "Expand")).toBe(false);
  });

  test.each([1, 16])(
    "decodes as the stock graph does, its cache in blocks of %d slots",
    async (block) => {
      const prompts = [prompt(9, 3), prompt(9, 40), prompt(9, 77)];
      const stock = await decodeStock(await openModel(model), prompts, shape, 20);
      const ours = await decodeDelta(
        await openModel(split.model),
        split,
        prompts,
        shape,
        20,
        block,
      );
      const isInt8 = "weights" in shape;
      const agreed = stepsAgreed(ours.tokens, stock.tokens);
      expect(agreed).toBeGreaterThanOrEqual(isInt8 ? 5 : 20);
      const [a, b] = [ours, stock].map(({ logits }) => logits.slice(0, agreed));
      expect(largestGap(a!, b!)).toBeLessThan(isInt8 ? 0.05 : 2e-5);
    },
  );

  test("decodes prompts of unequal length in one batch as the joined form does", async () => {
    const prompts = [prompt(4, 3), prompt(11, 40), prompt(7, 77)];
    const joined = await decodeDelta(await openModel(delta.model), delta, prompts, shape, 15, 8);
    const ours = await decodeDelta(await openModel(split.model), split, prompts, shape, 15, 8);
    expect(ours.tokens).toEqual(joined.tokens);
  });
});

test("what is not of the Concat style is refused by what was found", () => {
  const fused = returnNewRows(makeSyntheticDecoder({ ...base, attention: "group-query" })).model;
  expect(() => splitAttention(fused)).toThrow(UnsupportedCapabilityError);
  expect(() => splitAttention(fused)).toThrow(
    "looked for one Concat of past_key_values.0.key with new rows on axis 2, found GroupQueryAttention",
  );
});

test("a second reader of the joined cache is refused, as is an old operator set", () => {
  const stock = makeSyntheticDecoder(base);
  // The stock graph returns the joined cache itself.
  expect(() => splitAttention(stock)).toThrow("looked for one reader");
  const old = changed(returnNewRows(stock).model, { opsets: [{ domain: "", version: 13 }] });
  expect(() => splitAttention(old)).toThrow("looked for operator set 14 or later, found 13");
});
