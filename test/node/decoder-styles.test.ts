/** Decoders of styles that few exporters write, whole and patched, as models: rows of a batch answer as each alone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { attentionEdit, imageAttentionOutput } from "../../src/onnx/edits/attention.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { openModel } from "../checkpoints.js";
import { ids, image, REQUESTS } from "../engine/asked.js";

const shape = { layers: 2, width: 64, heads: 4, kvHeads: 4, feedForward: 96, vocabulary: 300 };

/** The plain method, which keeps each head's attention to the image at each step. */
function watching(seen: number[][]): Method {
  const edit = attentionEdit([1], { of: "images" });
  return {
    name: "watching",
    settings: {},
    needs: { edits: [edit] },
    start: ({ view }) => ({
      streams: [{ view, edits: [{ edit, strength: 1 }] }],
      scores([output]) {
        seen.push([...output!.readings![imageAttentionOutput(1)]!]);
        return output!.logits;
      },
    }),
  };
}

describe.each(["group-query-rotated", "multi-head", "attention"] as const)(
  "a checkpoint with %s attention",
  (attention) => {
    let folder = "";
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "groundsight-"));
      await writeSyntheticCheckpoint(folder, { ...shape, attention, endTokens: [] });
    });
    afterAll(() => rm(folder, { recursive: true }));

    test("answers requests of unequal lengths together as each alone, with both kinds of cache", async () => {
      await using whole = await openModel(folder, "fp32", { cache: "whole" });
      await using model = await openModel(folder, "fp32");
      expect([whole, model].map(({ info }) => info.cache)).toEqual(["whole", "delta"]);
      const alone: number[][] = [];
      for (const request of REQUESTS) alone.push(ids(await model.generate(request)));
      expect((await model.generateBatch(REQUESTS)).map(ids)).toEqual(alone);
      expect((await whole.generateBatch(REQUESTS)).map(ids)).toEqual(alone);
    });

    test("reads of each row of a batch what it reads of it alone", async () => {
      await using model = await openModel(folder, "fp32");
      const requests = ["Is there a dog?", "What is left of the large tree?"].map((prompt) => ({
        prompt,
        image,
        maxTokens: 4,
      }));
      const read = async (together: boolean) => {
        const seen = requests.map((): number[][] => []);
        const asked = requests.map((request, i) => ({ ...request, method: watching(seen[i]!) }));
        if (together) await model.generateBatch(asked);
        else for (const request of asked) await model.generate(request);
        return seen.flat(2);
      };
      const [alone, together] = [await read(false), await read(true)];
      expect(alone).toHaveLength(requests.length * 4 * shape.heads);
      expect(Math.min(...alone)).toBeGreaterThan(0);
      alone.forEach((share, i) => {
        expect(together[i]).toBeCloseTo(share, 5);
      });
    });
  },
);
