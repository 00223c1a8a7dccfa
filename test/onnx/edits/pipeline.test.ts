import { readFileSync } from "node:fs";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, UnsupportedCapabilityError } from "../../../src/errors.js";
import { SeededRandom } from "../../../src/math/seeded-random.js";
import { earlyExitEdit } from "../../../src/onnx/edits/early-exit.js";
import type { GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { hiddenStatesEdit, readHiddenStates } from "../../../src/onnx/edits/hidden-states.js";
import { applyEdits, editDecoder } from "../../../src/onnx/edits/pipeline.js";
import { steeringEdit } from "../../../src/onnx/edits/steering.js";
import type { OnnxModel } from "../../../src/onnx/graph-model.js";
import { readModel } from "../../../src/onnx/read-model.js";
import { writeModel } from "../../../src/onnx/write-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import {
  type DecoderShape,
  decodeDelta,
  decodeStock,
  type FedRun,
  openModel,
  upTo,
} from "../greedy-decoding.js";
import { makeMiniTower } from "../mini-tower.js";
import { bits, editFeeds, isSame, largestGap, randomSteering, shape } from "./small-runs.js";

const steering = randomSteering(5);
const lens = earlyExitEdit([1, 2]);
const otherLens = earlyExitEdit([2, 3]);
const states = hiddenStatesEdit("decoder", { positions: "last", layers: [0, 2] });
const prompts = [0, 40, 77].map((seed) => upTo(9).map((i) => (seed + i * 17) % shape.vocabulary));

/** Decodes with edits on; returns tokens, logits and what else the graph gave, step by step. */
async function decode(
  stock: OnnxModel,
  edits: readonly GraphEdit[],
  strengths: readonly number[],
  newRows: boolean,
  form: DecoderShape = shape,
) {
  const session = await openModel(applyEdits(stock, edits, { newRows }));
  const outputs = edits.flatMap((edit) => edit.outputs ?? []);
  const seen: Float32Array[] = [];
  const runs = {
    feeds: (run: FedRun) =>
      editFeeds(session, edits, {
        ...run,
        rows: strengths.map((strength, b) => ({
          strength,
          pastLength: run.past[b]!,
          newLength: run.steps,
          newColumn: run.newColumns[b]!,
          promptLength: 0,
          images: [],
        })),
      }),
    seen: (result: ort.InferenceSession.OnnxValueMapType) => {
      seen.push(...outputs.map((name) => result[name]!.data as Float32Array));
    },
  };
  const some = prompts.slice(0, strengths.length);
  const run = newRows
    ? await decodeDelta(session, editDecoder(stock, edits), some, form, 12, 8, runs)
    : await decodeStock(session, some, form, 12, runs);
  return { ...run, seen };
}

const same = (a: readonly Float32Array[], b: readonly Float32Array[]): boolean =>
  a.length === b.length &&
  a.every((row, i) =>
    Buffer.from(row.buffer, row.byteOffset, row.byteLength).equals(
      Buffer.from(b[i]!.buffer, b[i]!.byteOffset, b[i]!.byteLength),
    ),
  );

describe.each([
  { attention: "concat", norm: "plain" },
  { attention: "concat", norm: "fused" },
  { attention: "group-query", norm: "fused" },
  { attention: "group-query-rotated", norm: "plain" },
  { attention: "multi-head", norm: "fused", kvHeads: 4 },
  { attention: "attention", norm: "plain" },
] as const)("edits of a decoder with $attention attention and $norm norms", (form) => {
  const sizes = { ...shape, ...form };
  const stock = makeSyntheticDecoder(sizes);
  const decoded = (edits: readonly GraphEdit[], strengths: readonly number[], newRows: boolean) =>
    decode(stock, edits, strengths, newRows, sizes);

  test("make the same graph in any order and leave the given one alone", () => {
    const before = writeModel(stock);
    const all = [steering, lens, otherLens, states];
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 2 }), fc.boolean(), (edits, newRows) => {
        const made = applyEdits(stock, edits, { newRows });
        const ordered = all.filter((edit) => edits.includes(edit));
        expect(isSame(made, applyEdits(stock, ordered, { newRows }))).toBe(true);
      }),
      { numRuns: 40 },
    );
    expect(Buffer.compare(writeModel(stock), before)).toBe(0);
  });

  test("decode with new rows as they do without", async () => {
    const edits = [steering, states, lens];
    const whole = await decoded(edits, [1.5, 0, 0.4], false);
    const rows = await decoded(edits, [1.5, 0, 0.4], true);
    expect(rows.tokens).toEqual(whole.tokens);
    const plain = await decoded([], [0, 0, 0], true);
    expect(rows.tokens[1]).toEqual(plain.tokens[1]);
    expect(rows.tokens[0]).not.toEqual(plain.tokens[0]);
    const gaps = rows.seen.map((numbers, i) => largestGap(numbers, whole.seen[i]));
    expect(gaps).toHaveLength(12 * 4);
    expect(Math.max(...gaps)).toBeLessThan(5e-5);
  });

  test.each([
    ["nothing else", []],
    ["read-outs", [states, lens]],
  ])("steering by 0, beside %s, changes no bit of a decoded answer", async (_, others) => {
    const without = await decoded(others, [0, 0], true);
    const zero = await decoded([steering, ...others], [0, 0], true);
    expect(same(zero.logits, without.logits)).toBe(true);
    expect(same(zero.seen, without.seen)).toBe(true);
    const second = await decoded([steering, ...others], [0, 2], true);
    const first = (run: { logits: Float32Array[] }) =>
      run.logits.map((logits) => logits.subarray(0, shape.vocabulary));
    expect(same(first(second), first(without))).toBe(true);
    expect(second.tokens[1]).not.toEqual(without.tokens[1]);
  });
});

test.each(["", "_quantized"])(
  "no edit of strength 0 changes a bit of the pocket checkpoint's logits (decoder_model_merged%s)",
  async (suffix) => {
    const file = readFileSync(`pocket/llava/onnx/decoder_model_merged${suffix}.onnx`);
    const stock = readModel(file);
    const pocket = { layers: 5, kvHeads: 4, headWidth: 48, width: 192, vocabulary: 1096 };
    const data = new SeededRandom(5).gaussians(5 * 192);
    const steer = steeringEdit("decoder", { layers: 5, positions: 1, width: 192, data });
    const edits = [steer, lens, states];
    const [plain, edited] = [
      await decode(stock, [], [0, 0], true, pocket),
      await decode(stock, edits, [0, 0], true, pocket),
    ];
    expect(same(edited.logits, plain.logits)).toBe(true);
  },
);

test("the hidden states of a graph are read from what it returns", () => {
  const stock = makeSyntheticDecoder(shape);
  const edited = applyEdits(stock, [steering, states], { newRows: true });
  expect(readHiddenStates(edited)).toEqual({
    outputs: ["hidden.0", "hidden.2"],
    layers: [0, 2],
    width: shape.width,
  });
  const all = hiddenStatesEdit("decoder", { positions: "all" });
  expect(readHiddenStates(all.apply(stock)).layers).toEqual([0, 1, 2, 3]);
  expect(readHiddenStates(stock)).toEqual({ outputs: [], layers: [], width: 0 });
  // What is no row of numbers for each stream is not offered to methods.
  expect([states.outputs, all.outputs]).toEqual([["hidden.0", "hidden.2"], undefined]);
});

test("a tapped tower is steered, and by 0 stays as it is tapped", async () => {
  const [layers, width, tokens] = [3, 48, 5];
  const stock = makeMiniTower(layers, width, tokens);
  const data = new SeededRandom(1).gaussians(layers * tokens * width);
  const steer = steeringEdit("vision", { layers, positions: tokens, width, data });
  const tap = hiddenStatesEdit("vision", { positions: "all" });
  const tapped = await openModel(applyEdits(stock, [tap], { newRows: false }));
  const both = await openModel(applyEdits(stock, [steer, tap], { newRows: false }));
  const pixels = new SeededRandom(8).gaussians(2 * tokens * width);
  const feeds = { pixel_values: new ort.Tensor("float32", pixels, [2, tokens, width]) };
  const run = (strength: number) => {
    const rows = upTo(2).map(() => ({
      strength,
      pastLength: 0,
      newLength: 1,
      newColumn: 0,
      promptLength: 0,
      images: [],
    }));
    return both.run({ ...feeds, ...editFeeds(both, [steer], { rows, steps: 0, columns: 0 }) });
  };
  const [expected, zero, steered] = [await tapped.run(feeds), await run(0), await run(0.4)];
  for (const name of both.outputNames)
    expect(bits(zero[name]).equals(bits(expected[name]))).toBe(true);
  expect(bits(steered["hidden.1"]).equals(bits(expected["hidden.1"]))).toBe(false);
});

describe("what does not go together is refused", () => {
  const stock = makeSyntheticDecoder(shape);
  const apply = (edits: GraphEdit[]) => () => applyEdits(stock, edits, { newRows: false });

  test("edits of two graphs", () => {
    const tap = hiddenStatesEdit("vision", { positions: "all" });
    expect(apply([steering, tap])).toThrow(InvalidArgumentError);
    expect(apply([steering, tap])).toThrow("expected edits of one graph");
  });

  test("edits that add values of one name", () => {
    const all = hiddenStatesEdit("decoder", { positions: "all" });
    expect(apply([all, states])).toThrow(InvalidArgumentError);
    expect(apply([all, states])).toThrow("it adds hidden.0, which another edit has added");
  });

  test("new rows of a graph without a cache", () => {
    const tower = () => applyEdits(makeMiniTower(2, 8, 4), [], { newRows: true });
    expect(tower).toThrow(UnsupportedCapabilityError);
  });
});

test("edits of one key are one edit", () => {
  const stock = makeSyntheticDecoder(shape);
  const once = applyEdits(stock, [steering], { newRows: true });
  const twice = applyEdits(stock, [steering, randomSteering(9)], { newRows: true });
  expect(isSame(twice, once)).toBe(true);
});
