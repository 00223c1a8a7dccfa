import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ModelLoadError } from "../../src/errors.js";
import {
  makeExternalTensor,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from "../../src/onnx/build.js";
import { changed, DataType, type OnnxModel } from "../../src/onnx/graph-model.js";
import { readModel } from "../../src/onnx/read-model.js";
import { integerField, joinPieces, textField, toBytes } from "../../src/onnx/wire.js";
import { encodeModel, writeModel } from "../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { openModel } from "./greedy-decoding.js";

const reencoded = (model: OnnxModel): OnnxModel =>
  changed(model, { graph: changed(model.graph, {}) });

const decoder = makeSyntheticDecoder({
  layers: 1,
  width: 32,
  heads: 2,
  kvHeads: 1,
  feedForward: 32,
  vocabulary: 40,
});

describe("reading and writing", () => {
  test("an untouched model comes back byte for byte, and so do its parts when only the frame is rewritten", () => {
    const bytes = writeModel(decoder);
    const model = readModel(bytes);
    expect(writeModel(model)).toEqual(bytes);
    expect(writeModel(reencoded(model))).toEqual(bytes);
  });

  test("fields this package does not know survive, in model, graph and nodes", () => {
    const unknown = toBytes(joinPieces([textField(77, "kept"), integerField(78, -5)]));
    const node = { ...makeNode("Relu", ["x"], ["y"]), rest: [unknown] };
    const base = makeModel({
      nodes: [node],
      inputs: [makeValueInfo("x", 1, [2])],
      outputs: [makeValueInfo("y", 1, [2])],
    });
    const model = { ...base, rest: [unknown], graph: { ...base.graph, rest: [unknown] } };
    const again = readModel(writeModel(model));
    const renamed = changed(again, {
      graph: changed(again.graph, {
        nodes: again.graph.nodes.map((n) => changed(n, { name: "renamed" })),
      }),
    });
    const last = readModel(writeModel(renamed));
    for (const record of [last, last.graph, last.graph.nodes[0]]) {
      expect(toBytes(joinPieces(record?.rest ?? []))).toEqual(unknown);
    }
    expect(last.graph.nodes[0]?.name).toBe("renamed");
  });

  test("weights are never copied on the way from file to pieces", () => {
    const weights = new Float32Array(1000).fill(1);
    const bytes = writeModel(
      makeModel({
        nodes: [],
        inputs: [],
        outputs: [],
        initializers: [makeTensor("w", [1000], weights)],
      }),
    );
    const model = readModel(bytes);
    expect(model.graph.initializers[0]?.rawData?.buffer).toBe(bytes.buffer);
    const large = encodeModel(reencoded(model)).parts.filter((part) => part.byteLength >= 4000);
    expect(large.map((part) => part.buffer)).toEqual([bytes.buffer]);
  });

  test("shapes, types, attributes and places of external data are read", () => {
    const place = { location: "weights.bin", offset: 4096, length: 24 };
    const model = readModel(
      writeModel(
        makeModel({
          nodes: [
            makeNode("Op", ["x", ""], ["y"], {
              domain: "com.microsoft",
              attributes: {
                a: -3,
                b: { float: 0.5 },
                c: "text",
                d: [1, -2],
                e: makeTensor("t", [1], Int32Array.of(9)),
              },
            }),
          ],
          inputs: [makeValueInfo("x", DataType.float16, ["batch", 3, null])],
          outputs: [makeValueInfo("y", DataType.float32, undefined)],
          initializers: [makeExternalTensor("w", [2, 3], DataType.float32, place)],
        }),
      ),
    );
    const [node] = model.graph.nodes;
    expect(node).toMatchObject({
      opType: "Op",
      domain: "com.microsoft",
      inputs: ["x", ""],
      outputs: ["y"],
    });
    expect(node?.attributes.map(({ name, value }) => [name, value])).toMatchObject([
      ["a", { kind: "int", int: -3 }],
      ["b", { kind: "float", float: 0.5 }],
      ["c", { kind: "text", text: "text" }],
      ["d", { kind: "ints", ints: [1, -2] }],
      ["e", { kind: "tensor", tensor: { dims: [1], dataType: 6 } }],
    ]);
    expect(model.graph.inputs[0]).toMatchObject({ elemType: 10, dims: ["batch", 3, null] });
    expect(model.graph.outputs[0]?.dims).toBeUndefined();
    const [weight] = model.graph.initializers;
    expect(weight).toMatchObject({ dims: [2, 3], rawData: undefined });
    expect(Object.fromEntries(weight?.external ?? [])).toEqual({
      location: "weights.bin",
      offset: "4096",
      length: "24",
    });
  });

  test("what is written runs: y = x w", async () => {
    const model = makeModel({
      nodes: [makeNode("MatMul", ["x", "w"], ["y"])],
      inputs: [makeValueInfo("x", 1, [1, 2])],
      outputs: [makeValueInfo("y", 1, [1, 2])],
      initializers: [makeTensor("w", [2, 2], Float32Array.of(1, 2, 3, 4))],
    });
    const session = await openModel(model);
    const { Tensor } = await import("onnxruntime-node");
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(10, 1), [1, 2]) });
    expect(Array.from(y!.data as Float32Array)).toEqual([13, 24]);
  });

  test("a tensor whose shape and data disagree is refused", () => {
    expect(() => makeTensor("w", [2, 2], Float32Array.of(1))).toThrow(
      "holds 4 elements, received 1",
    );
  });
});

describe("bytes that are no model", () => {
  const bytes = writeModel(decoder);
  test.each<[string, Uint8Array]>([
    ["empty", new Uint8Array(0)],
    ["text", new TextEncoder().encode("this is not a model, it is a sentence")],
    ["a truncated model", bytes.subarray(0, bytes.length - 7)],
    ["half a model", bytes.subarray(0, bytes.length >> 1)],
    ["a message without graph", toBytes(joinPieces([integerField(1, 8)]))],
  ])("%s is refused", (_, broken) => {
    expect(() => readModel(broken)).toThrow(ModelLoadError);
    expect(() => readModel(broken)).toThrow(/not an ONNX model/);
  });

  test("random bytes are refused or read, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          readModel(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelLoadError);
        }
      }),
    );
  });
});
