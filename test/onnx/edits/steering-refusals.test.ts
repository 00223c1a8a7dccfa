import { describe, expect, test } from "vitest";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../../src/errors.js";
import { makeModel, makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import { addHiddenStates } from "../../../src/onnx/edits/hidden-states.js";
import { addSteering, unitDirections } from "../../../src/onnx/edits/steering.js";
import { changed, type OnnxModel } from "../../../src/onnx/graph-model.js";
import { makeMiniTower } from "../mini-tower.js";

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
