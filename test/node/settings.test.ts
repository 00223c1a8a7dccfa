import { beforeEach, describe, expect, test } from "vitest";
import { load, type Model } from "../../src/index.js";
import { makeNode } from "../../src/onnx/build.js";
import { decoderTraits } from "../../src/onnx/decoder-traits.js";
import { changed, type OnnxModel } from "../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../src/testing/synthetic/decoder.js";
import { CHECKPOINTS } from "../global-setup.js";
import { changeGraph, changeJson, copyOf } from "./doctor/damage.js";

let folder: string;

const setText = (fields: object) =>
  changeJson(folder, "config.json", (config) => Object.assign(config.text_config, fields));
const REQUESTS = [
  { prompt: "Hello, you", maxTokens: 12 },
  { prompt: "Say a word, please.", maxTokens: 9 },
];
const ids = async (model: Model) =>
  (await model.generateBatch(REQUESTS)).map(({ tokens }) => tokens.map(({ id }) => id));

describe("a window of attention in config.json", () => {
  beforeEach(async () => {
    folder = await copyOf();
  });

  test("of which the graph shows nothing bounds the context, within which answers are the same", async () => {
    await setText({ sliding_window: 64 });
    await using windowed = await load(folder, { threads: 1 });
    await using stock = await load(`${CHECKPOINTS}concat`, { threads: 1 });
    expect(stock.info.contextLength).toBe(2048);
    expect(windowed.info.contextLength).toBe(64);
    expect(await ids(windowed)).toEqual(await ids(stock));
    await expect(windowed.generate({ prompt: "word ".repeat(20) })).rejects.toThrow(
      /expected at most 63, the model's context/,
    );
  });

  test("that is off leaves the context alone", async () => {
    await setText({ sliding_window: 64, use_sliding_window: false });
    await using model = await load(folder, { threads: 1 });
    expect(model.info.contextLength).toBe(2048);
  });

  test("angles that depend on the length of the prompt are refused by name", async () => {
    await setText({ rope_scaling: { type: "dynamic", factor: 2 } });
    await expect(load(folder, { threads: 1 })).rejects.toThrow(
      /config\.json: text_config\.rope_scaling: received the type 'dynamic'/,
    );
  });
});

test("a window in the graph's operators is left to them", async () => {
  folder = await copyOf("group-query");
  await setText({ sliding_window: 64 });
  await changeGraph(folder, "decoder_model_merged", (model) => {
    const nodes = model.graph.nodes.map((node) => {
      if (node.opType !== "GroupQueryAttention") return node;
      const { attributes } = makeNode("x", [], [], { attributes: { local_window_size: 64 } });
      return changed(node, { attributes: [...node.attributes, ...attributes] });
    });
    return changed(model, { graph: changed(model.graph, { nodes }) });
  });
  await using model = await load(folder, { threads: 1 });
  expect(model.info.contextLength).toBe(2048);
});

describe("traits of a decoder", () => {
  const shape = { layers: 1, width: 32, heads: 2, kvHeads: 1, feedForward: 48, vocabulary: 260 };
  beforeEach(async () => {
    folder = await copyOf();
  });

  test("tell capped logits and scores from tanh elsewhere", () => {
    const stock = makeSyntheticDecoder(shape);
    expect(decoderTraits(stock)).toEqual({ windows: [], capsLogits: false, capsAttention: false });
    expect(decoderTraits(behindTanh(stock, "logits"))).toMatchObject({ capsLogits: true });
    const [softmax] = stock.graph.nodes.filter(({ opType }) => opType === "Softmax");
    const scores = softmax!.inputs[0]!;
    expect(decoderTraits(behindTanh(stock, scores))).toMatchObject({
      capsLogits: false,
      capsAttention: true,
    });
  });
});

/** The graph with a value capped: made under another name, and given its own name by tanh and a scale. */
function behindTanh(model: OnnxModel, value: string): OnnxModel {
  const nodes = model.graph.nodes.map((node) =>
    changed(node, { outputs: node.outputs.map((one) => (one === value ? "uncapped" : one)) }),
  );
  const cap = [makeNode("Tanh", ["uncapped"], ["tanh"]), makeNode("Mul", ["tanh", "c"], [value])];
  return changed(model, { graph: changed(model.graph, { nodes: [...nodes, ...cap] }) });
}
