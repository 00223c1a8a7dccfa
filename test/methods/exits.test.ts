/** Early layers read by a decoder's own head, beside what copies of the head make of them, on every tiny checkpoint. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import type { StepOutputs } from "../../src/engine/step.js";
import { layerRange } from "../../src/methods/layer-range.js";
import { earlyExitEdit } from "../../src/onnx/edits/early-exit.js";
import { stackedExits } from "../../src/onnx/edits/stacked-exits.js";
import { CHECKPOINTS, largestDifference, openModel } from "../checkpoints.js";

const choice = layerRange("layers", "0-1");
const exits = stackedExits(choice, { norm: "final" });
const mean = stackedExits(choice, { norm: "none", isMean: true });
const copies = earlyExitEdit([0, 1]);

/** Decodes plainly with edits switched on, and keeps what each step gave. */
function reading(steps: StepOutputs[], edits: NonNullable<Method["needs"]["edits"]>): Method {
  const active = edits.map((edit) => ({ edit, strength: 1 }));
  return {
    name: "reading",
    settings: {},
    needs: { edits },
    start: ({ view }) => ({
      streams: [{ view, edits: active }],
      scores([output]) {
        const { logits, readings = {} } = output!;
        const kept = Object.entries(readings).map(([name, row]) => [name, row.slice()] as const);
        steps.push({ logits: logits.slice(), readings: Object.fromEntries(kept) });
        return logits;
      },
    }),
  };
}

test.each([
  ...readdirSync(CHECKPOINTS).map((name) => [name, "fp32"] as const),
  ["smolvlm-gqa", "fp16"],
  ["smolvlm-gqa", "q4"],
] as const)("%s in %s", async (name, dtype) => {
  const model = await openModel(name, dtype === "q4" ? { decoder_model_merged: dtype } : dtype);
  try {
    const ask = { prompt: "Hi?", maxTokens: 2 };
    const [plain, read, both]: StepOutputs[][] = [[], [], []];
    await model.generate({ ...ask, method: reading(plain!, [copies]) });
    await model.generate({ ...ask, method: reading(read!, [exits.edit]) });
    await model.generate({ ...ask, method: reading(both!, [exits.edit, mean.edit]) });
    const tolerance = dtype === "fp32" ? 1e-4 : 0.02;
    expect(read).toHaveLength(plain!.length);
    for (const [i, { logits, readings }] of plain!.entries()) {
      const own = read![i]!.readings!;
      expect(largestDifference(read![i]!.logits, logits)).toBeLessThan(tolerance);
      for (const layer of [0, 1]) {
        const row = own[exits.logits]!.subarray(layer * logits.length, (layer + 1) * logits.length);
        expect(largestDifference(row, readings![`early.${layer}`]!)).toBeLessThan(tolerance);
        const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
        expect(own[exits.normalizers]![layer]).toBeCloseTo(Math.log(sum), 4);
      }
      // Another edit's rows stand beside, and change none.
      const beside = both![i]!.readings!;
      expect(largestDifference(beside[exits.logits]!, own[exits.logits]!)).toBeLessThan(tolerance);
      expect(beside[mean.logits]).toHaveLength(logits.length);
      expect(
        largestDifference(beside[mean.logits]!, own[exits.logits]!.subarray(0, logits.length)),
      ).toBeGreaterThan(1e-3);
    }
  } finally {
    await model.dispose();
  }
});
