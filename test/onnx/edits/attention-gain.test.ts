/** An edit of one's own, in one file: more (or less) attention to image tokens, before the softmax. */
import { describe, expect, test } from "vitest";
import { UnsupportedCapabilityError } from "../../../src/errors.js";
import { makeNode, makeValueInfo } from "../../../src/onnx/build.js";
import { earlyExitEdit } from "../../../src/onnx/edits/early-exit.js";
import type { EditedRun, EditInput, GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { applyEdits, editDecoder } from "../../../src/onnx/edits/pipeline.js";
import { findAttentionCores } from "../../../src/onnx/find-attention.js";
import { GraphIndex } from "../../../src/onnx/graph-index.js";
import { changed, DataType, type OnnxNode } from "../../../src/onnx/graph-model.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import { decodeDelta, decodeStock, int64, openModel, upTo } from "../greedy-decoding.js";
import { editFeeds, isSame, randomSteering, shape } from "./small-runs.js";

const INPUT = "attention_gain.scores";

/** scores <- scores + gain, the gain of a slot being the row's strength where it holds an image token, else 0. */
const attentionGain: GraphEdit = {
  key: "attention gain",
  graph: "decoder",
  stage: "attention",
  apply(model) {
    const index = new GraphIndex(model.graph);
    const replacements = new Map<OnnxNode, OnnxNode[]>();
    for (const { weights } of findAttentionCores(index)) {
      const softmax = index.producer(index.origin(weights));
      const [scores] = softmax?.inputs ?? [];
      if (softmax?.opType !== "Softmax" || scores === undefined) {
        throw new UnsupportedCapabilityError(`looked for a Softmax behind ${weights}, found none`);
      }
      const gained = `${scores}/gained`;
      replacements.set(softmax, [
        makeNode("Add", [scores, INPUT], [gained]),
        changed(softmax, { inputs: [gained] }),
      ]);
    }
    const { nodes, inputs } = model.graph;
    // Its axes have the names of the mask's, so that the runtime knows what it knew before.
    const [batch, slots] = index.input("attention_mask")?.dims ?? [];
    const gain = makeValueInfo(INPUT, DataType.float32, [batch ?? null, 1, 1, slots ?? null]);
    return changed(model, {
      graph: changed(model.graph, {
        nodes: nodes.flatMap((node) => replacements.get(node) ?? [node]),
        inputs: [...inputs, gain],
      }),
    });
  },
  feeds: (run) => ({ [INPUT]: gainInput(run) }),
};

/** (B, 1, 1, P + S): slot i of the past holds token i of the context, the new tokens come behind all slots. */
function gainInput({ rows, steps, pastRows }: EditedRun): EditInput {
  const slots = pastRows + steps;
  const data = new Float32Array(rows.length * slots);
  rows.forEach(({ strength, pastLength, newLength, images }, b) => {
    for (const { start, end } of images) {
      for (let token = start; token < Math.min(end, pastLength + newLength); token++) {
        const isPast = token < pastLength;
        const slot = isPast ? token : pastRows + steps - newLength + token - pastLength;
        data[b * slots + slot] = strength;
      }
    }
  });
  return { data, dims: [rows.length, 1, 1, slots] };
}

const images = [{ start: 2, end: 6 }];
const prompts = [0, 40].map((seed) => upTo(9).map((i) => (seed + i * 17) % shape.vocabulary));

/** A mask that hides the image from every token. */
function maskOf(slots: number) {
  const hidden = (slot: number) => images.some(({ start, end }) => slot >= start && slot < end);
  const row = upTo(slots).map((slot) => (hidden(slot) ? 0 : 1));
  return {
    attention_mask: int64(
      prompts.flatMap(() => row),
      [prompts.length, slots],
    ),
  };
}

describe.each(["plain", "fused"] as const)("a decoder with %s norms", (norm) => {
  const stock = makeSyntheticDecoder({ ...shape, norm });

  /** Decodes with edits on, all rows of one strength for each edit. */
  async function decode(edits: readonly [GraphEdit, number][], newRows: boolean) {
    const all = edits.map(([edit]) => edit);
    const session = await openModel(applyEdits(stock, all, { newRows }));
    const feeds = (run: { past: readonly number[]; steps: number; pastRows: number }) =>
      Object.assign(
        {},
        ...edits.map(([edit, strength]) => {
          const newLength = run.steps;
          const rows = run.past.map((pastLength) => ({ strength, pastLength, newLength, images }));
          return editFeeds(session, [edit], { ...run, rows });
        }),
      );
    return newRows
      ? decodeDelta(session, editDecoder(stock, all), prompts, shape, 12, 8, { feeds })
      : decodeStock(session, prompts, shape, 12, { feeds });
  }

  test.each([false, true])("strength 0 changes no bit, new rows: %s", async (newRows) => {
    const plain = await decode([], newRows);
    expect((await decode([[attentionGain, 0]], newRows)).logits).toEqual(plain.logits);
    expect((await decode([[attentionGain, 1]], newRows)).logits).not.toEqual(plain.logits);
  });

  test("without attention to its image an answer is that of a prompt without one", async () => {
    // Keys of the image weigh nothing for later tokens; what the image's own rows hold is of no matter then.
    const blind = await decode([[attentionGain, -1e9]], true);
    const session = await openModel(stock);
    const masked = await decodeStock(session, prompts, shape, 12, {
      feeds: ({ steps, pastRows }) => maskOf(steps + pastRows),
    });
    blind.logits.forEach((row, i) => {
      row.forEach((x, j) => {
        expect(x).toBeCloseTo(masked.logits[i]![j]!, 4);
      });
    });
  });

  test("goes with steering, early exits and the cache patch", async () => {
    const edits: [GraphEdit, number][] = [
      [randomSteering(5), 1],
      [earlyExitEdit([1]), 0],
      [attentionGain, 2],
    ];
    const whole = await decode(edits, false);
    const rows = await decode(edits, true);
    expect(rows.tokens).toEqual(whole.tokens);
    expect(rows.tokens).not.toEqual((await decode(edits.slice(0, 2), true)).tokens);
    const all = edits.map(([edit]) => edit);
    const [a, b] = [all, all.toReversed()].map((given) => editDecoder(stock, given).model);
    expect(isSame(a!, b!)).toBe(true);
    // The past is still read where it lies.
    expect(a!.graph.nodes.some(({ opType }) => opType === "Expand")).toBe(false);
  });
});

test("fused attention has no scores to add to", () => {
  const fused = makeSyntheticDecoder({ ...shape, attention: "group-query" });
  expect(() => attentionGain.apply(fused)).toThrow(UnsupportedCapabilityError);
});
