import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { makeNode, makeValueInfo } from "../../../src/onnx/build.js";
import { addHiddenStates } from "../../../src/onnx/edits/hidden-states.js";
import { addSteering, unitDirections } from "../../../src/onnx/edits/steering.js";
import { changed, type OnnxModel } from "../../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { openModel, upTo } from "../greedy-decoding.js";
import { makeMiniTower } from "../mini-tower.js";
import { bits, decoderFeeds, LENGTH, shape, steeringFeeds, steerRow } from "./small-runs.js";

const forms = [
  { attention: "concat", norm: "plain", weights: "float32" },
  { attention: "concat", norm: "plain", weights: "int8" },
  { attention: "group-query", norm: "fused", weights: "float32" },
  { attention: "group-query", norm: "fused", weights: "int4" },
  { attention: "concat", norm: "fused", weights: "int8" },
  { attention: "group-query-rotated", norm: "plain", weights: "float32" },
  { attention: "multi-head", norm: "fused", weights: "float32", kvHeads: 4 },
  { attention: "attention", norm: "fused", weights: "int4" },
] as const;

describe.each(forms)(
  "a decoder with $attention attention, $norm norms, $weights weights",
  (form) => {
    const sizes = { ...shape, ...form };
    const stock = makeSyntheticDecoder(sizes);
    const steered = addSteering(stock, { positions: 1 });
    const directions = unitDirections(
      new SeededRandom(9).gaussians(shape.layers * shape.width),
      shape.width,
    );
    const dims = [shape.layers, 1, shape.width];

    test("strength 0 gives the stock logits, bit for bit", async () => {
      const feeds = decoderFeeds(stock, 2, sizes);
      const expected = await (await openModel(stock)).run(feeds);
      const session = await openModel(steered.model);
      const actual = await session.run({ ...feeds, ...steeringFeeds(directions, dims, [0, 0]) });
      for (const name of session.outputNames)
        expect(bits(actual[name]).equals(bits(expected[name]))).toBe(true);
    });

    test("each layer's MLP output is steered as published", async () => {
      const feeds = decoderFeeds(stock, 1, sizes);
      // One layer steered at a time: the stream behind it moves by what the layer does to the MLP's output.
      const tapped = addHiddenStates(stock, { positions: "all" });
      const session = await openModel(
        addMlpOutputs(addSteering(tapped.model, { positions: 1 }).model),
      );
      const layer = 1;
      const only = directions.map((x, i) => (Math.floor(i / shape.width) === layer ? x : 0));
      const plain = await session.run({ ...feeds, ...steeringFeeds(directions, dims, [0]) });
      const moved = await session.run({ ...feeds, ...steeringFeeds(only, dims, [2]) });
      expect(bits(moved["hidden.1"]).equals(bits(plain["hidden.1"]))).toBe(true);
      const mlp = plain[`mlp.${layer}`]!.data as Float32Array;
      const [before, after] = [plain, moved].map(
        (run) => run[`hidden.${layer + 1}`]!.data as Float32Array,
      );
      for (let t = 0; t < LENGTH; t++) {
        const at = [t * shape.width, (t + 1) * shape.width] as const;
        const x = mlp.subarray(...at);
        const y = steerRow(x, only.subarray(layer * shape.width, (layer + 1) * shape.width), 2);
        y.forEach((value, i) => {
          expect(after![at[0] + i]! - before![at[0] + i]!).toBeCloseTo(value - x[i]!, 4);
        });
      }
    });

    // Dynamic quantization takes one scale for all rows of a batch, so int8 rows are never independent.
    if (form.weights === "int8") return;
    test("rows of a batch are steered on their own", async () => {
      const feeds = decoderFeeds(stock, 2, sizes);
      const session = await openModel(steered.model);
      const none = await session.run({ ...feeds, ...steeringFeeds(directions, dims, [0, 0]) });
      const second = await session.run({ ...feeds, ...steeringFeeds(directions, dims, [0, 1.5]) });
      const half = bits(none.logits).length / 2;
      expect(
        bits(second.logits).subarray(0, half).equals(bits(none.logits).subarray(0, half)),
      ).toBe(true);
      expect(bits(second.logits).subarray(half).equals(bits(none.logits).subarray(half))).toBe(
        false,
      );
    });
  },
);

/** Also returns the value that each layer's steering starts from. */
function addMlpOutputs(model: OnnxModel): OnnxModel {
  const taps = upTo(shape.layers).map((layer) => {
    const norm = model.graph.nodes.find(({ name }) => name === `steering/layer_${layer}/norm`);
    return makeNode("Identity", [norm!.inputs[0]!], [`mlp.${layer}`]);
  });
  const outputs = upTo(shape.layers).map((layer) =>
    makeValueInfo(`mlp.${layer}`, 1, ["b", "s", shape.width]),
  );
  const graph = changed(model.graph, {
    nodes: [...model.graph.nodes, ...taps],
    outputs: [...model.graph.outputs, ...outputs],
  });
  return changed(model, { graph });
}

describe.each([
  ["a batch of any size", "batch"],
  ["a batch of fixed size", 1],
] as const)("a vision tower with %s", (_, batch) => {
  const [layers, width, tokens] = [3, 48, 5];
  const stock = makeMiniTower(layers, width, tokens, batch);
  const directions = unitDirections(new SeededRandom(1).gaussians(layers * tokens * width), width);
  const pixels = {
    pixel_values: new ort.Tensor("float32", new SeededRandom(8).gaussians(tokens * width), [
      1,
      tokens,
      width,
    ]),
  };

  test("is steered per position, and not at all at strength 0", async () => {
    const session = await openModel(addSteering(stock, { positions: tokens }).model);
    const run = (alpha: number) =>
      session.run({ ...pixels, ...steeringFeeds(directions, [layers, tokens, width], [alpha]) });
    const expected = await (await openModel(stock)).run(pixels);
    expect(bits((await run(0)).features).equals(bits(expected.features))).toBe(true);
    expect(bits((await run(0.4)).features).equals(bits(expected.features))).toBe(false);
  });

  test("gives its hidden states, the last one before the final norm", async () => {
    const tapped = addHiddenStates(stock, { positions: "last", layers: [0, 3] });
    const result = await (await openModel(tapped.model)).run(pixels);
    expect(tapped.outputs).toEqual(["hidden.0", "hidden.3"]);
    expect(result["hidden.3"]!.dims).toEqual([1, 1, width]);
    expect(bits(result["hidden.3"]).equals(bits(result.features).subarray(-4 * width))).toBe(false);
  });
});
