import { readFileSync } from "node:fs";
import type * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import {
  InvalidArgumentError,
  ShapeError,
  UnsupportedCapabilityError,
} from "../../../src/errors.js";
import { makeNode, makeTensor, makeValueInfo } from "../../../src/onnx/build.js";
import { addEarlyExits, earlyExitEdit } from "../../../src/onnx/edits/early-exit.js";
import { addHiddenStates } from "../../../src/onnx/edits/hidden-states.js";
import { changed, type OnnxModel, type OnnxNode } from "../../../src/onnx/graph-model.js";
import { readModel } from "../../../src/onnx/read-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { type DecoderShape, type Feeds, int64, openModel, upTo } from "../greedy-decoding.js";
import { makeMiniTower } from "../mini-tower.js";
import { bits, decoderFeeds, largestGap, shape } from "./small-runs.js";

/** The logits of each row's last position. */
function lastLogits({ data, dims }: ort.Tensor): number[] {
  const vocabulary = dims.at(-1)!;
  const rows = dims[0]!;
  const positions = data.length / rows / vocabulary;
  return upTo(rows).flatMap((b) => {
    const end = (b + 1) * positions * vocabulary;
    return Array.from((data as Float32Array).subarray(end - vocabulary, end));
  });
}

function initializer(model: OnnxModel, name: string): Float32Array {
  const bytes = model.graph.initializers.find((tensor) => tensor.name === name)!.rawData!;
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** RMS norm and head of each row of a hidden state (B, 1, W), in double precision. */
function logitsByHand(
  hidden: ort.Tensor,
  norm: Float32Array,
  head: Float32Array,
  epsilon: number,
): number[] {
  const width = norm.length;
  const vocabulary = head.length / width;
  return upTo(hidden.dims[0]!).flatMap((b) => {
    const row = (hidden.data as Float32Array).subarray(b * width, (b + 1) * width);
    const root = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / width + epsilon);
    const normed = Array.from(row, (x, i) => (x / root) * norm[i]!);
    return upTo(vocabulary).map((v) =>
      normed.reduce((sum, x, i) => sum + x * head[i * vocabulary + v]!, 0),
    );
  });
}

interface Exits {
  readonly stock: OnnxModel;
  readonly layers: number;
  readonly feeds: Feeds;
  /** Names of the weights of final norm and head. */
  readonly weights: readonly [norm: string, head: string];
}

/** Runs a graph with every exit and every hidden state of the last position. */
async function runExits({ stock, layers, feeds }: Omit<Exits, "weights">) {
  const exits = earlyExitEdit(upTo(layers + 1)).apply(stock);
  const both = addHiddenStates(exits, { positions: "last" }).model;
  return (await openModel(both)).run(feeds);
}

async function expectExitsByHand(exits: Exits): Promise<void> {
  const { stock, layers } = exits;
  const result = await runExits(exits);
  const [norm, head] = exits.weights.map((name) => initializer(stock, name));
  expect(
    largestGap(result[`early.${layers}`]!.data as Float32Array, lastLogits(result.logits!)),
  ).toBeLessThan(1e-5);
  for (const layer of upTo(layers)) {
    const early = result[`early.${layer}`]!;
    expect(early.dims).toEqual([result.logits!.dims[0], result.logits!.dims.at(-1)]);
    const byHand = logitsByHand(result[`hidden.${layer}`]!, norm!, head!, 1e-5);
    expect(largestGap(early.data as Float32Array, byHand)).toBeLessThan(1e-4);
  }
}

const keeping = (model: OnnxModel, count: number, sizes: DecoderShape = shape): Feeds => ({
  ...decoderFeeds(model, 2, sizes),
  num_logits_to_keep: int64([count], []),
});

describe.each([
  { attention: "concat", norm: "plain" },
  { attention: "concat", norm: "fused" },
  { attention: "group-query", norm: "plain" },
  { attention: "group-query", norm: "fused" },
  { attention: "concat", norm: "plain", postNorms: true },
  { attention: "group-query", norm: "fused", postNorms: true },
  { attention: "group-query-rotated", norm: "fused" },
  { attention: "multi-head", norm: "plain", kvHeads: 4 },
  { attention: "attention", norm: "fused" },
] as const)("a decoder with $attention attention and $norm norms", (form) => {
  const sizes = { ...shape, ...form };
  const stock = makeSyntheticDecoder(sizes);
  const { layers } = shape;
  const weights = ["model/norm.weight", "lm_head.weight"] as const;

  test.each([0, 1, 4])("gives logits of earlier layers, keeping %d positions", async (count) => {
    await expectExitsByHand({ stock, layers, weights, feeds: keeping(stock, count, sizes) });
  });

  test.each([
    ["a Gather of the last position", "last"],
    ["a Gather that drops the axis", "last, dropped"],
    ["a Gather of the position counted in what it gathers from", "counted"],
    ["no selection", "none"],
  ] as const)("and with %s before the head", async (_, selection) => {
    const other = withSelection(stock, selection);
    await expectExitsByHand({
      stock: other,
      layers,
      weights,
      feeds: decoderFeeds(other, 2, sizes),
    });
  });

  test("shares all weights and changes no bit of the logits", async () => {
    const exits = addEarlyExits(stock, [0, 2]);
    const bytes = [stock, exits].map((model) =>
      model.graph.initializers.reduce((sum, { rawData }) => sum + rawData!.byteLength, 0),
    );
    expect(bytes[1]! - bytes[0]!).toBeLessThan(100);
    const feeds = decoderFeeds(stock, 2, sizes);
    const [before, after] = await Promise.all(
      [stock, exits].map(async (model) => (await openModel(model)).run(feeds)),
    );
    for (const name of Object.keys(before!)) {
      expect(bits(after![name]).equals(bits(before![name]))).toBe(true);
    }
  });
});

/** Cuts out the last position in another way, or not at all, before the head. */
function withSelection(
  model: OnnxModel,
  selection: "last" | "last, dropped" | "counted" | "none",
): OnnxModel {
  const isDropped = selection === "last, dropped";
  const select = ({ name, inputs, outputs }: OnnxNode): OnnxNode[] => {
    const [normed = ""] = inputs;
    if (selection === "none") return [makeNode("Identity", [normed], outputs, { name })];
    const gather = (at: string) =>
      makeNode("Gather", [normed, at], outputs, { name, attributes: { axis: 1 } });
    if (selection !== "counted") return [gather("at_last")];
    return [
      makeNode("Shape", [normed], ["shape"], { attributes: { start: 1, end: 2 } }),
      makeNode("Add", ["shape", "at_last"], ["counted"]),
      gather("counted"),
    ];
  };
  const index = makeTensor("at_last", isDropped ? [] : [1], BigInt64Array.of(-1n));
  const positions = isDropped ? [] : ["positions"];
  const logits = makeValueInfo("logits", 1, ["batch_size", ...positions, shape.vocabulary]);
  const { nodes, inputs, outputs, initializers } = model.graph;
  return changed(model, {
    graph: changed(model.graph, {
      nodes: nodes
        .filter(({ name }) => name !== "/Neg" && name !== "/Reshape")
        .flatMap((node) => (node.name === "/Slice" ? select(node) : [node])),
      inputs: inputs.filter(({ name }) => name !== "num_logits_to_keep"),
      outputs: outputs.map((output) => (output.name === "logits" ? logits : output)),
      initializers: [...initializers, index],
    }),
  });
}

test.each([
  ["concat", "int8"],
  ["group-query", "int4"],
] as const)(
  "a %s decoder of %s weights gives its own logits behind the last layer",
  async (attention, weights) => {
    const stock = makeSyntheticDecoder({ ...shape, attention, weights, norm: "fused" });
    const result = await runExits({
      stock,
      layers: shape.layers,
      feeds: keeping(stock, 1),
    });
    const [own, last, first] = [
      lastLogits(result.logits!),
      ...[shape.layers, 0].map((layer) => result[`early.${layer}`]!.data as Float32Array),
    ];
    expect(largestGap(last, own)).toBeLessThan(1e-5);
    expect(largestGap(first, own)).toBeGreaterThan(0.1);
  },
);

describe("the pocket checkpoint", () => {
  const folder = "pocket/llava/onnx";
  const pocket: DecoderShape = {
    layers: 5,
    kvHeads: 4,
    headWidth: 48,
    width: 192,
    vocabulary: 1096,
  };

  test("gives logits of earlier layers", async () => {
    const stock = readModel(readFileSync(`${folder}/decoder_model_merged.onnx`));
    const feeds = { ...decoderFeeds(stock, 2, pocket), num_logits_to_keep: int64([1], []) };
    await expectExitsByHand({
      stock,
      layers: pocket.layers,
      weights: ["model.norm.weight", "lm_head.weight.T"],
      feeds,
    });
  });

  test("in int8 gives its own logits behind the last layer", async () => {
    const stock = readModel(readFileSync(`${folder}/decoder_model_merged_quantized.onnx`));
    const feeds = { ...decoderFeeds(stock, 2, pocket), num_logits_to_keep: int64([1], []) };
    const result = await runExits({ stock, layers: pocket.layers, feeds });
    const last = result[`early.${pocket.layers}`]!.data as Float32Array;
    expect(largestGap(last, lastLogits(result.logits!))).toBeLessThan(1e-5);
  });
});

test("exits of other edits stay as they are", () => {
  const stock = makeSyntheticDecoder(shape);
  const twice = addEarlyExits(addEarlyExits(stock, [1, 2]), [2, 3]);
  const names = twice.graph.outputs.map(({ name }) => name).filter((name) => /^early/.test(name));
  expect(names).toEqual(["early.1", "early.2", "early.3"]);
  expect(earlyExitEdit([3, 1, 3]).key).toBe(earlyExitEdit([1, 3]).key);
  expect(earlyExitEdit([3, 1]).outputs).toEqual(["early.1", "early.3"]);
});

describe("what has no early exits is refused by what was looked for and found", () => {
  const stock = makeSyntheticDecoder(shape);
  const withNodes = (change: (nodes: readonly OnnxNode[]) => readonly OnnxNode[]): OnnxModel =>
    changed(stock, { graph: changed(stock.graph, { nodes: change(stock.graph.nodes) }) });

  test("no layer, half a layer, more layers than the graph has", () => {
    expect(() => earlyExitEdit([])).toThrow(InvalidArgumentError);
    expect(() => earlyExitEdit([1.5])).toThrow("received 1.5; expected layers, whole numbers");
    expect(() => earlyExitEdit([4]).apply(stock)).toThrow(ShapeError);
    expect(() => earlyExitEdit([4]).apply(stock)).toThrow("received layer 4; expected 0 to 3");
  });

  test.each<[string, OnnxModel, RegExp]>([
    ["a vision tower", makeMiniTower(2, 8, 4), /looked for output logits .*found outputs features/],
    [
      "no head",
      withNodes((nodes) =>
        nodes.map((node) =>
          node.name === "/lm_head/MatMul"
            ? makeNode("Relu", node.inputs.slice(0, 1), node.outputs, { name: "odd" })
            : node,
        ),
      ),
      /looked for a language-model head .* found .*Relu "odd"/,
    ],
    [
      "a branch before the head",
      withNodes((nodes) =>
        nodes.map((node) =>
          node.name === "/Slice"
            ? changed(node, {
                attributes: [{ name: "body", value: { kind: "graph" }, encoded: new Uint8Array() }],
              })
            : node,
        ),
      ),
      /looked for no subgraph between .* found Slice "\/Slice"/,
    ],
  ])("%s", (_, model, message) => {
    expect(() => addEarlyExits(model, [1])).toThrow(UnsupportedCapabilityError);
    expect(() => addEarlyExits(model, [1])).toThrow(message);
  });
});
