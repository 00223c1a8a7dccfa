/**
 * Graphs of exporters that are not ours, against PyTorch. The graphs are not part of the repository:
 *
 *     python test/peers/make-graphs.py --out FOLDER
 *     GROUNDSIGHT_PEER_GRAPHS=FOLDER npx vitest run test/onnx/peers.test.ts
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { returnNewRows } from "../../src/onnx/edits/cache-delta.js";
import { addEarlyExits, earlyExitEdit } from "../../src/onnx/edits/early-exit.js";
import { addHiddenStates, hiddenStatesEdit } from "../../src/onnx/edits/hidden-states.js";
import { applyEdits } from "../../src/onnx/edits/pipeline.js";
import {
  addSteering,
  STEERING_INPUTS,
  steeringEdit,
  unitDirections,
} from "../../src/onnx/edits/steering.js";
import { DataType, type OnnxModel } from "../../src/onnx/graph-model.js";
import { readModel } from "../../src/onnx/read-model.js";
import { openModel } from "./greedy-decoding.js";

interface Run {
  readonly output: number[];
  readonly hiddenStates: number[][];
}

interface Case {
  readonly kind: "decoder" | "tower";
  readonly exact: boolean;
  readonly width: number;
  readonly layers: number;
  readonly alpha: number;
  readonly inputs: Record<string, { type: "int64" | "float32"; dims: number[]; data: number[] }>;
  readonly directions: { dims: number[]; data: number[] };
  readonly plain: Run;
  readonly steered: Run;
}

const HEADS = 4;

const folder = process.env.GROUNDSIGHT_PEER_GRAPHS;
const names = folder !== undefined && existsSync(folder) ? readdirSync(folder).sort() : [];
if (names.length === 0) {
  console.warn(
    "SKIPPED: test/onnx/peers.test.ts, no graphs: see test/peers/make-graphs.py and GROUNDSIGHT_PEER_GRAPHS",
  );
}
test.runIf(folder !== undefined)(
  "the folder that was named holds graphs of other exporters",
  () => {
    expect(names.length, folder).toBeGreaterThan(0);
  },
);
test.skipIf(names.length > 0)("graphs of other exporters", ({ skip }) => {
  skip("no graphs of other exporters: see test/peers/make-graphs.py");
});

const largestGap = (actual: ort.Tensor | undefined, expected: number[]) => {
  const data = actual?.data as Float32Array;
  expect(data.length).toBe(expected.length);
  return expected.reduce((gap, x, i) => Math.max(gap, Math.abs(x - (data[i] ?? Number.NaN))), 0);
};

/** The case's inputs and an empty past, as far as the graph asks for them. */
function feedsOf(item: Case, model: OnnxModel): Record<string, ort.Tensor> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const { name, elemType, dims } of model.graph.inputs) {
    const given = item.inputs[name];
    if (given !== undefined) {
      const half = elemType === DataType.float16;
      if (given.type === "int64")
        feeds[name] = new ort.Tensor("int64", BigInt64Array.from(given.data, BigInt), given.dims);
      else
        feeds[name] = new ort.Tensor(
          half ? "float16" : "float32",
          (half ? toHalf(given.data) : Float32Array.from(given.data)) as Float32Array,
          given.dims,
        );
    } else if (name === "num_logits_to_keep") {
      feeds[name] = new ort.Tensor("int64", BigInt64Array.of(0n), []);
    } else if (name.startsWith("past_key_values.")) {
      const shape = [
        1,
        Number(dims?.[1]),
        0,
        typeof dims?.[3] === "number" ? dims[3] : item.width / HEADS,
      ];
      feeds[name] =
        elemType === DataType.float16
          ? new ort.Tensor("float16", new Uint16Array(0), shape)
          : new ort.Tensor("float32", new Float32Array(0), shape);
    }
  }
  return feeds;
}

function toHalf(values: number[]): Uint16Array {
  return Uint16Array.from(values, (value) => {
    if (value === 0) return 0;
    const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), -14);
    const mantissa = Math.round((Math.abs(value) / 2 ** exponent - 1) * 1024);
    return (value < 0 ? 0x8000 : 0) + ((exponent + 15) << 10) + mantissa;
  });
}

function steeringFeeds(item: Case, alpha: number): Record<string, ort.Tensor> {
  const unit = unitDirections(Float32Array.from(item.directions.data), item.width);
  return {
    [STEERING_INPUTS.directions]: new ort.Tensor("float32", unit, item.directions.dims),
    [STEERING_INPUTS.strengths]: new ort.Tensor("float32", Float32Array.of(alpha), [1]),
  };
}

describe.each(names)("%s", (name) => {
  const item: Case = JSON.parse(readFileSync(join(folder ?? "", name, "case.json"), "utf8"));
  const model = readModel(readFileSync(join(folder ?? "", name, "model.onnx")));
  const output = item.kind === "decoder" ? "logits" : (model.graph.outputs[0]?.name ?? "");
  const feeds = feedsOf(item, model);

  test("steering of strength 0 leaves the output as it is, bit for bit", async () => {
    const stock = await (await openModel(model)).run(feeds);
    const steered = await (
      await openModel(addSteering(model, { positions: item.directions.dims[1] ?? 1 }).model)
    ).run({
      ...feeds,
      ...steeringFeeds(item, 0),
    });
    expect(Buffer.compare(bytesOf(steered[output]), bytesOf(stock[output]))).toBe(0);
  });

  test("steering changes the output as the authors' layer does in PyTorch", async () => {
    const session = await openModel(
      addSteering(model, { positions: item.directions.dims[1] ?? 1 }).model,
    );
    const result = await session.run({ ...feeds, ...steeringFeeds(item, item.alpha) });
    if (item.exact) expect(largestGap(result[output], item.steered.output)).toBeLessThan(1e-4);
  });

  test("hidden states are PyTorch's", async () => {
    const tapped = addHiddenStates(model, { positions: "all" });
    expect(tapped).toMatchObject({ layers: item.layers, width: item.width });
    const result = await (await openModel(tapped.model)).run(feeds);
    const gaps = tapped.outputs.map((state, i) =>
      largestGap(result[state], item.plain.hiddenStates[i] ?? []),
    );
    if (item.exact) expect(Math.max(...gaps)).toBeLessThan(1e-4);
    if (item.exact) expect(largestGap(result[output], item.plain.output)).toBeLessThan(1e-4);
  });

  test("hidden states of the steered graph are those of steered PyTorch", async () => {
    const both = addHiddenStates(model, { positions: "all" });
    const result = await (
      await openModel(addSteering(both.model, { positions: item.directions.dims[1] ?? 1 }).model)
    ).run({
      ...feeds,
      ...steeringFeeds(item, item.alpha),
    });
    const gaps = both.outputs.map((state, i) =>
      largestGap(result[state], item.steered.hiddenStates[i] ?? []),
    );
    if (item.exact) expect(Math.max(...gaps)).toBeLessThan(1e-4);
  });

  test.runIf(item.kind === "decoder")("logits behind the last layer are its own", async () => {
    const exits = addEarlyExits(model, [1, item.layers]);
    const result = await (await openModel(exits)).run(feeds);
    const own = numbersOf(result.logits);
    const last = result[`early.${item.layers}`];
    const vocabulary = last?.dims.at(-1) ?? 0;
    expect(largestGap(last, own.slice(-vocabulary))).toBeLessThan(item.exact ? 1e-4 : 0.05);
    expect(largestGap(result["early.1"], own.slice(-vocabulary))).toBeGreaterThan(0.05);
  });

  test.runIf(item.kind === "decoder")(
    "edits of strength 0 change no bit of the logits",
    async () => {
      const { dims, data } = item.directions;
      const [layers = 0, positions = 0, width = 0] = dims;
      const edits = [
        steeringEdit("decoder", { layers, positions, width, data: Float32Array.from(data) }),
        earlyExitEdit([0, 1]),
        hiddenStatesEdit("decoder", { positions: "last" }),
      ];
      const newRows = model.graph.outputs.some(({ name: n }) => n.startsWith("present."));
      const plain = await (await openModel(applyEdits(model, [], { newRows }))).run(feeds);
      const session = await openModel(applyEdits(model, edits, { newRows }));
      const edited = await session.run({ ...feeds, ...steeringFeeds(item, 0) });
      expect(Buffer.compare(bytesOf(edited.logits), bytesOf(plain.logits))).toBe(0);
    },
  );

  test.runIf(model.graph.outputs.some(({ name: n }) => n.startsWith("present.")))(
    "new rows are those of the whole present",
    async () => {
      const delta = returnNewRows(model);
      const stock = await (await openModel(model)).run(feeds);
      const ours = await (await openModel(delta.model)).run(feeds);
      for (const { layer, newKey, newValue } of delta.layers) {
        expect(Buffer.compare(bytesOf(ours[newKey]), bytesOf(stock[`present.${layer}.key`]))).toBe(
          0,
        );
        expect(
          Buffer.compare(bytesOf(ours[newValue]), bytesOf(stock[`present.${layer}.value`])),
        ).toBe(0);
      }
    },
  );
});

/** The numbers of a tensor, of float16 as well. */
function numbersOf(tensor: ort.Tensor | undefined): number[] {
  const values = Array.from(tensor?.data as Float32Array | Uint16Array);
  if (tensor?.type !== "float16" || !(tensor.data instanceof Uint16Array)) return values;
  return values.map((bits) => {
    const [exponent, mantissa] = [(bits >> 10) & 31, bits & 1023];
    const size = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25);
    return bits & 0x8000 ? -size : size;
  });
}

function bytesOf(tensor: ort.Tensor | undefined): Uint8Array {
  const data = tensor?.data as Float32Array;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
