import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import {
  InvalidArgumentError,
  ShapeError,
  UnsupportedCapabilityError,
} from "../../../src/errors.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import type { EditedRow } from "../../../src/onnx/edits/graph-edit.js";
import { STEERING_INPUTS, steeringEdit } from "../../../src/onnx/edits/steering.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { openModel } from "../greedy-decoding.js";
import { makeFlatTower, makeMiniTower } from "../mini-tower.js";
import { bits, editFeeds, randomSteering, shape } from "./small-runs.js";

const rowsOf = (...strengths: number[]): EditedRow[] =>
  strengths.map((strength) => ({
    strength,
    pastLength: 0,
    newLength: 1,
    newColumn: 0,
    promptLength: 0,
    images: [],
  }));
const runOf = (rows: EditedRow[], declared: (number | string)[]) => ({
  rows,
  steps: 1,
  columns: 1,
  inputShape: (name: string) => (name === STEERING_INPUTS.strengths ? declared : undefined),
});

test("feeds unit directions and a strength for each row", () => {
  const data = Float32Array.of(3, 4, 0, 0, 0, -2);
  const edit = steeringEdit("decoder", { layers: 3, positions: 1, width: 2, data });
  const feeds = edit.feeds(runOf(rowsOf(0.4, 0), ["batch_size"]));
  expect(feeds[STEERING_INPUTS.directions]).toEqual({
    data: Float32Array.of(0.6, 0.8, 0, 0, 0, -1),
    dims: [3, 1, 2],
  });
  expect(feeds[STEERING_INPUTS.strengths]).toEqual({ data: Float32Array.of(0.4, 0), dims: [2] });
  expect(data).toEqual(Float32Array.of(3, 4, 0, 0, 0, -2));
});

test("feeds one strength where the graph takes all rows together, and refuses two", () => {
  const data = new Float32Array(6).fill(1);
  const edit = steeringEdit("vision", { layers: 3, positions: 1, width: 2, data });
  const feeds = edit.feeds(runOf(rowsOf(0.4, 0.4, 0.4), [1]));
  expect(feeds[STEERING_INPUTS.strengths]).toEqual({ data: Float32Array.of(0.4), dims: [1] });
  const differing = () => edit.feeds(runOf(rowsOf(0.4, 0), [1]));
  expect(differing).toThrow(InvalidArgumentError);
  expect(differing).toThrow("strengths: received 0.4, 0; expected one for all rows");
});

test("edits of equal sizes have one key, whatever their directions", () => {
  expect(randomSteering(1).key).toBe("steering 3x1x64");
  expect(randomSteering(2).key).toBe(randomSteering(1).key);
});

describe("a tower of which all patches are rows", () => {
  const [layers, width, patches] = [3, 48, 5];
  const stock = makeFlatTower(layers, width);
  const edit = steeringEdit("vision", {
    layers,
    positions: patches,
    width,
    data: new SeededRandom(1).gaussians(layers * patches * width),
  });

  test("is steered by one strength for all, and not at all by 0", async () => {
    const session = await openModel(edit.apply(stock));
    const pixel_values = new ort.Tensor("float32", new SeededRandom(8).gaussians(patches * width), [
      patches,
      width,
    ]);
    const run = (strength: number) => {
      const rows = Array.from({ length: patches }, () => rowsOf(strength)[0]!);
      return session.run({ pixel_values, ...editFeeds(session, [edit], runOf(rows, [1])) });
    };
    const expected = await (await openModel(stock)).run({ pixel_values });
    expect(bits((await run(0)).features).equals(bits(expected.features))).toBe(true);
    expect(bits((await run(0.4)).features).equals(bits(expected.features))).toBe(false);
  });
});

describe("what does not fit is refused", () => {
  const of = (graph: "vision" | "decoder", layers: number, width: number) =>
    steeringEdit(graph, {
      layers,
      positions: 1,
      width,
      data: new Float32Array(layers * width).fill(1),
    });

  test("directions for another number of layers, or of another width", () => {
    const apply = () => of("decoder", 2, shape.width).apply(makeSyntheticDecoder(shape));
    expect(apply).toThrow(ShapeError);
    expect(apply).toThrow(
      "text directions: received 2 layers of width 64; expected 3 of width 64, as the model has",
    );
    expect(() => of("vision", 2, 16).apply(makeMiniTower(2, 8, 4))).toThrow(
      "image directions: received 2 layers of width 16; expected 2 of width 8, as the model has",
    );
  });

  test("another number of directions than the sizes say, or one that is not finite", () => {
    const make = (data: Float32Array) => () =>
      steeringEdit("decoder", { layers: 2, positions: 1, width: 2, data });
    expect(make(new Float32Array(6))).toThrow(ShapeError);
    expect(make(new Float32Array(6))).toThrow(
      "received 6 numbers; expected 2 layers x 1 positions",
    );
    expect(make(Float32Array.of(1, 2, 3, Number.NaN))).toThrow(InvalidArgumentError);
  });

  test("a graph that is steered already", () => {
    const twice = () =>
      randomSteering(2).apply(randomSteering(1).apply(makeSyntheticDecoder(shape)));
    expect(twice).toThrow(UnsupportedCapabilityError);
    expect(twice).toThrow("looked for a graph that is not steered");
  });
});
