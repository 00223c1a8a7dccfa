import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import { addSteering, unitDirections } from "../../../src/onnx/edits/steering.js";
import { openModel, repeated } from "../greedy-decoding.js";
import { steeringFeeds } from "./small-runs.js";

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
