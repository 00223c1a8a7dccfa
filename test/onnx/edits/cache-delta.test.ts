import { describe, expect, test } from "vitest";
import { UnsupportedCapabilityError } from "../../../src/errors.js";
import { makeModel, makeNode, makeValueInfo } from "../../../src/onnx/build.js";
import { returnNewRows } from "../../../src/onnx/edits/cache-delta.js";
import { changed, type OnnxModel } from "../../../src/onnx/graph-model.js";
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

describe.each([
  ["concat", base],
  ["group-query", base],
  ["group-query-rotated", base],
  ["multi-head", { ...base, kvHeads: base.heads }],
  ["attention", base],
] as const)("a decoder with %s attention", (attention, shape) => {
  const model = makeSyntheticDecoder({ ...shape, attention });
  const delta = returnNewRows(model);

  test("returns new rows under names of their own and keeps its inputs", async () => {
    const session = await openModel(delta.model);
    const isCounted = attention.startsWith("group-query");
    expect(delta).toMatchObject({
      attention: isCounted ? "group-query" : attention,
      pastLayout: isCounted ? "counted" : "masked",
      elemType: 1,
    });
    expect(delta.layers.flatMap(({ newKey, newValue }) => [newKey, newValue])).toEqual(
      session.outputNames.filter((name) => name !== "logits"),
    );
    expect(session.inputNames).toEqual((await openModel(model)).inputNames);
  });

  test.each([1, 8, 64])(
    "fed with a cache in blocks of %d slots, decodes as the stock graph does",
    async (block) => {
      const prompts = [prompt(9, 3), prompt(9, 40), prompt(9, 77)];
      const stock = await decodeStock(await openModel(model), prompts, shape, 30);
      const ours = await decodeDelta(
        await openModel(delta.model),
        delta,
        prompts,
        shape,
        30,
        block,
      );
      expect(ours.tokens).toEqual(stock.tokens);
      expect(largestGap(ours.logits, stock.logits)).toBeLessThan(2e-5);
    },
  );

  test("decodes prompts of unequal length in one batch as each alone", async () => {
    const prompts = [prompt(4, 3), prompt(11, 40), prompt(7, 77)];
    const stock = await openModel(model);
    const patched = await openModel(delta.model);
    const together = await decodeDelta(patched, delta, prompts, shape, 20, 8);
    for (const [b, single] of prompts.entries()) {
      const alone = await decodeStock(stock, [single], shape, 20);
      expect(together.tokens[b]).toEqual(alone.tokens[0]);
    }
  });
});

test("a fused graph with skip norms is patched alike", async () => {
  const model = makeSyntheticDecoder({
    ...base,
    attention: "group-query",
    norm: "fused",
    weights: "int4",
  });
  const delta = returnNewRows(model);
  const prompts = [prompt(6, 5)];
  const stock = await decodeStock(await openModel(model), prompts, base, 12);
  const ours = await decodeDelta(await openModel(delta.model), delta, prompts, base, 12, 16);
  expect(ours.tokens).toEqual(stock.tokens);
});

test("without position_ids the past must be exact", () => {
  const model = makeSyntheticDecoder(base);
  const inputs = model.graph.inputs.filter(({ name }) => name !== "position_ids");
  expect(returnNewRows(model).pastLayout).toBe("masked");
  const without = changed(model, { graph: changed(model.graph, { inputs }) });
  expect(returnNewRows(without).pastLayout).toBe("exact");
});

describe("a graph it cannot patch is refused by naming what was looked for and found", () => {
  const dims = ["b", 2, "p", 16];
  const one = (opType: string, inputs: string[], options = {}): OnnxModel =>
    makeModel({
      nodes: [makeNode(opType, inputs, ["present.0.key"], { name: "odd", ...options })],
      inputs: inputs.map((name) => makeValueInfo(name, 1, dims)),
      outputs: [makeValueInfo("present.0.key", 1, dims)],
    });
  test.each<[string, OnnxModel, RegExp]>([
    [
      "no present output",
      makeModel({ nodes: [], inputs: [], outputs: [makeValueInfo("logits", 1, dims)] }),
      /looked for outputs present\.N\.key.*found logits/,
    ],
    ["no past input", one("Relu", ["x"]), /looked for input past_key_values\.0\.key/],
    ["another operator", one("Relu", ["past_key_values.0.key"]), /Concat.*found Relu "odd"/],
    [
      "another axis",
      one("Concat", ["past_key_values.0.key", "x"], { attributes: { axis: 1 } }),
      /found Concat "odd"/,
    ],
    [
      "new rows before the past",
      one("Concat", ["x", "past_key_values.0.key"], { attributes: { axis: 2 } }),
      /found Concat "odd"/,
    ],
  ])("%s", (_, model, message) => {
    expect(() => returnNewRows(model)).toThrow(UnsupportedCapabilityError);
    expect(() => returnNewRows(model)).toThrow(message);
  });
});
