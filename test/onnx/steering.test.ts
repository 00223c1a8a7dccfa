import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../src/errors.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../../src/onnx/build.js";
import { addHiddenStates } from "../../src/onnx/hidden-states.js";
import { changed, type OnnxModel } from "../../src/onnx/model.js";
import { addSteering, STEERING_INPUTS, unitDirections } from "../../src/onnx/steering.js";
import { makeSyntheticDecoder } from "../../src/onnx/synthetic-decoder.js";
import { embed, int64, openModel, repeated, upTo } from "./greedy-decoding.js";
import { makeMiniTower } from "./mini-tower.js";

type Feeds = Record<string, ort.Tensor>;

const shape = {
  layers: 3,
  width: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  vocabulary: 120,
  headWidth: 16,
};
const LENGTH = 6;

function decoderFeeds(model: OnnxModel, rows: number): Feeds {
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

function steeringFeeds(directions: Float32Array, dims: number[], strengths: number[]): Feeds {
  return {
    [STEERING_INPUTS.directions]: new ort.Tensor("float32", directions, dims),
    [STEERING_INPUTS.strengths]: new ort.Tensor("float32", Float32Array.from(strengths), [
      strengths.length,
    ]),
  };
}

const bits = (tensor: ort.Tensor | undefined): Buffer => {
  const data = tensor!.data as Float32Array;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
};

/** x <- normalize(normalize(x) + 0.1 alpha normalize(d)) |x|, as published. */
function steerRow(x: Float32Array, d: Float32Array, alpha: number): Float32Array {
  const length = (v: Float32Array) => Math.max(Math.hypot(...v), 1e-12);
  const moved = x.map((value, i) => value / length(x) + (0.1 * alpha * d[i]!) / length(d));
  return moved.map((value) => (value / length(moved)) * length(x));
}

describe("the layer itself", () => {
  interface GoldenCase {
    alpha: number;
    hidden: number[];
    shape: [number, number, number];
    direction: number[];
    steered: number[];
  }
  const golden: { cases: GoldenCase[] } = JSON.parse(
    readFileSync("test/golden/vti_layer.json", "utf8"),
  );

  /** A graph whose MLP output is its input: an identity projection added to a stream of zeros. */
  async function steerInGraph(
    hidden: Float32Array,
    dims: number[],
    direction: Float32Array,
    alpha: number,
  ) {
    const [batch = 1, tokens = 1, width = 1] = dims;
    const identity = Float32Array.from({ length: width * width }, (_, i) =>
      i % (width + 1) === 0 ? 1 : 0,
    );
    const model = makeModel({
      nodes: [
        makeNode("MatMul", ["x", "w"], ["m"], { name: "/layers.0/mlp/down_proj/MatMul" }),
        makeNode("Add", ["zeros", "m"], ["y"]),
      ],
      inputs: ["x", "zeros"].map((name) => makeValueInfo(name, 1, ["b", "t", width])),
      outputs: [makeValueInfo("y", 1, ["b", "t", width])],
      initializers: [makeTensor("w", [width, width], identity)],
    });
    const session = await openModel(
      addSteering(model, { positions: direction.length / width }).model,
    );
    const positions = direction.length / width;
    const { y } = await session.run({
      x: new ort.Tensor("float32", hidden, dims),
      zeros: new ort.Tensor("float32", new Float32Array(batch * tokens * width), dims),
      ...steeringFeeds(
        unitDirections(direction, width),
        [1, positions, width],
        repeated(alpha, batch),
      ),
    });
    return y!.data as Float32Array;
  }

  test.each(golden.cases.map((item, i) => [i, item] as const))(
    "golden case %d",
    async (_, item) => {
      const [hidden, direction] = [
        Float32Array.from(item.hidden),
        Float32Array.from(item.direction),
      ];
      const steered = await steerInGraph(hidden, item.shape, direction, item.alpha);
      item.steered.forEach((x, i) => {
        expect(Math.abs(steered[i]! - x)).toBeLessThan(1e-5);
      });
    },
  );

  test("keeps the length of each row, and turns it towards the direction", async () => {
    const hidden = new SeededRandom(2).gaussians(4 * 16);
    const direction = new SeededRandom(3).gaussians(16);
    const steered = await steerInGraph(hidden, [1, 4, 16], direction, 5);
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    for (let t = 0; t < 4; t++) {
      const [before, after] = [hidden, steered].map((all) => all.subarray(t * 16, (t + 1) * 16));
      expect(Math.hypot(...after!)).toBeCloseTo(Math.hypot(...before!), 5);
      expect(dot(after!, direction)).toBeGreaterThan(dot(before!, direction));
    }
  });

  test("a row of zeros stays zero, a zero direction changes nothing", async () => {
    const zeros = await steerInGraph(
      new Float32Array(8),
      [1, 1, 8],
      new Float32Array(8).fill(1),
      0.4,
    );
    expect(Array.from(zeros)).toEqual(repeated(0, 8));
    const hidden = new SeededRandom(4).gaussians(8);
    expect(await steerInGraph(hidden, [1, 1, 8], new Float32Array(8), 0.9)).toEqual(hidden);
  });
});

const forms = [
  { attention: "concat", norm: "plain", weights: "float32" },
  { attention: "concat", norm: "plain", weights: "int8" },
  { attention: "group-query", norm: "fused", weights: "float32" },
  { attention: "group-query", norm: "fused", weights: "int4" },
  { attention: "concat", norm: "fused", weights: "int8" },
] as const;

describe.each(forms)(
  "a decoder with $attention attention, $norm norms, $weights weights",
  (form) => {
    const stock = makeSyntheticDecoder({ ...shape, ...form });
    const steered = addSteering(stock, { positions: 1 });
    const directions = unitDirections(
      new SeededRandom(9).gaussians(shape.layers * shape.width),
      shape.width,
    );
    const dims = [shape.layers, 1, shape.width];

    test("strength 0 gives the stock logits, bit for bit", async () => {
      const feeds = decoderFeeds(stock, 2);
      const expected = await (await openModel(stock)).run(feeds);
      const session = await openModel(steered.model);
      const actual = await session.run({ ...feeds, ...steeringFeeds(directions, dims, [0, 0]) });
      for (const name of session.outputNames)
        expect(bits(actual[name]).equals(bits(expected[name]))).toBe(true);
    });

    test("each layer's MLP output is steered as published", async () => {
      const feeds = decoderFeeds(stock, 1);
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
      const feeds = decoderFeeds(stock, 2);
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

describe("what cannot be steered is refused by naming what was looked for and found", () => {
  const io = {
    inputs: [makeValueInfo("x", 1, ["b", "s", 4])],
    outputs: [makeValueInfo("y", 1, ["b", "s", 4])],
  };
  const weight = makeTensor("w", [4, 4], new Float32Array(16));
  const projection = makeNode("MatMul", ["x", "w"], ["m"], { name: "/layers.0/mlp/fc2/MatMul" });
  test.each<[string, OnnxModel, RegExp]>([
    [
      "no linear operator",
      makeModel({ ...io, nodes: [makeNode("Relu", ["x"], ["y"])] }),
      /looked for mlp\/down_proj.*found no linear operator/,
    ],
    [
      "other names",
      makeModel({
        ...io,
        nodes: [makeNode("MatMul", ["x", "w"], ["y"], { name: "/proj" })],
        initializers: [weight],
      }),
      /found only others such as MatMul "\/proj"/,
    ],
    [
      "no residual add",
      makeModel({
        ...io,
        nodes: [projection, makeNode("Relu", ["m"], ["y"])],
        initializers: [weight],
      }),
      /looked for the residual add after MatMul "\/layers.0\/mlp\/fc2\/MatMul", found Relu "y"/,
    ],
    [
      "a missing layer",
      makeModel({
        ...io,
        nodes: [
          changed(projection, { name: "/layers.1/mlp/fc2/MatMul" }),
          makeNode("Add", ["x", "m"], ["y"]),
        ],
        initializers: [weight],
      }),
      /of layer 0, found layers 1/,
    ],
    [
      "two projections",
      makeModel({
        ...io,
        nodes: [projection, changed(projection, { outputs: ["n"] })],
        initializers: [weight],
      }),
      /one MLP output in layer 0, found two/,
    ],
    [
      "an old operator set",
      makeModel(
        { ...io, nodes: [projection, makeNode("Add", ["x", "m"], ["y"])], initializers: [weight] },
        11,
      ),
      /operator set 13 or later, found 11/,
    ],
  ])("%s", (_, model, message) => {
    expect(() => addSteering(model, { positions: 1 })).toThrow(UnsupportedCapabilityError);
    expect(() => addSteering(model, { positions: 1 })).toThrow(message);
  });

  test("hidden states that do not exist", () => {
    const model = makeMiniTower(2, 8, 4);
    expect(() => addHiddenStates(model, { positions: "all", layers: [3] })).toThrow(
      InvalidArgumentError,
    );
  });

  test("directions of another width, or not finite", () => {
    expect(() => unitDirections(new Float32Array(7), 4)).toThrow(
      "received 7 numbers, expected rows of 4",
    );
    expect(() => unitDirections(Float32Array.of(1, Number.NaN), 2)).toThrow("row 0");
  });
});
