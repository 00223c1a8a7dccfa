import { describe, expect, test } from "vitest";
import { attentionEdit } from "../../../src/onnx/edits/attention.js";
import { earlyExitEdit } from "../../../src/onnx/edits/early-exit.js";
import type { GraphEdit } from "../../../src/onnx/edits/graph-edit.js";
import { imageAttentionEdit } from "../../../src/onnx/edits/image-attention.js";
import { applyEdits, editDecoder } from "../../../src/onnx/edits/pipeline.js";
import { makeSyntheticDecoder } from "../../../src/testing/synthetic/decoder.js";
import {
  decodeDelta,
  decodeStock,
  type FedRun,
  int64,
  largestGap,
  openModel,
  upTo,
} from "../greedy-decoding.js";
import { editFeeds, isSame, randomSteering, shape } from "./small-runs.js";

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
    const feeds = (run: FedRun) =>
      Object.assign(
        {},
        ...edits.map(([edit, strength]) => {
          const newLength = run.steps;
          const rows = run.past.map((pastLength, b) => ({
            strength,
            pastLength,
            newLength,
            newColumn: run.newColumns[b]!,
            promptLength: 0,
            images,
          }));
          return editFeeds(session, [edit], { ...run, rows });
        }),
      );
    return newRows
      ? decodeDelta(session, editDecoder(stock, all), prompts, shape, 12, 8, { feeds })
      : decodeStock(session, prompts, shape, 12, { feeds });
  }

  test.each([false, true])("strength 0 changes no bit, new rows: %s", async (newRows) => {
    const plain = await decode([], newRows);
    expect((await decode([[imageAttentionEdit, 0]], newRows)).logits).toEqual(plain.logits);
    expect((await decode([[imageAttentionEdit, 1]], newRows)).logits).not.toEqual(plain.logits);
  });

  test("without attention to its image an answer is that of a prompt without one", async () => {
    // Keys of the image weigh nothing for later tokens; what the image's own rows hold is of no matter then.
    const blind = await decode([[imageAttentionEdit, -1e9]], true);
    const session = await openModel(stock);
    const masked = await decodeStock(session, prompts, shape, 12, {
      feeds: ({ columns }) => maskOf(columns),
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
      [imageAttentionEdit, 2],
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

describe.each(["group-query", "group-query-rotated", "multi-head", "attention"] as const)(
  "%s attention",
  (attention) => {
    test.each([0, 2, -10000])(
      "is changed as that of single operators is, by %d",
      async (strength) => {
        const form = { ...shape, kvHeads: shape.heads };
        const runs = await Promise.all(
          [attention, "concat" as const].map(async (style) => {
            const stock = makeSyntheticDecoder({ ...form, attention: style });
            const edits = [imageAttentionEdit, attentionEdit([0])];
            const delta = editDecoder(stock, edits);
            const session = await openModel(delta.model);
            const feeds = (run: FedRun) => {
              const rows = run.past.map((pastLength, b) => ({
                strength: b === 0 ? strength : 0,
                pastLength,
                newLength: run.steps,
                newColumn: run.newColumns[b]!,
                promptLength: 0,
                images,
              }));
              return editFeeds(session, edits, { ...run, rows });
            };
            const shares: number[] = [];
            const seen = (outputs: Awaited<ReturnType<typeof session.run>>) => {
              shares.push(
                ...(outputs["attention.0.images"]!.data as Float32Array).slice(0, form.heads),
              );
            };
            const decoded = await decodeDelta(session, delta, prompts, form, 8, 8, { feeds, seen });
            return { ...decoded, shares };
          }),
        );
        const [own, twin] = runs;
        expect(own!.tokens).toEqual(twin!.tokens);
        expect(largestGap(own!.logits, twin!.logits)).toBeLessThan(2e-5);
        if (strength < 0) expect(Math.max(...own!.shares)).toBe(0);
        else expect(Math.min(...own!.shares)).toBeGreaterThan(0.01);
      },
    );
  },
);
