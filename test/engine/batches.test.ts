import { describe, expect, test } from "vitest";
import { fakeModel } from "../../src/testing/fake-model.js";
import { fakeOnnxModel } from "../backends/fake-onnx.js";
import { CACHES, ids, REQUESTS } from "./asked.js";

describe("batches", () => {
  test.each(CACHES)(
    "give each request the tokens it gets alone: $pastLayout, new rows $returnsNewRows",
    async (cache) => {
      const alone = [];
      for (const request of REQUESTS) alone.push(await fakeOnnxModel({ cache }).generate(request));
      const together = await fakeOnnxModel({ cache }).generateBatch(REQUESTS);
      expect(together.map(ids)).toEqual(alone.map(ids));
      expect(together.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
    },
  );

  test("give the same tokens whatever the layout of the cache", async () => {
    const [first, ...others] = await Promise.all(
      CACHES.map(async (cache) =>
        (await fakeOnnxModel({ cache }).generateBatch(REQUESTS)).map(ids),
      ),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  test("split by maxStreams give the same answers, each reported once", async () => {
    const whole = await fakeModel().generateBatch(REQUESTS);
    for (const maxStreams of [1, 2, 3, 7]) {
      const reported: number[] = [];
      const split = await fakeModel().generateBatch(REQUESTS, {
        maxStreams,
        onAnswer: (_, index) => reported.push(index),
      });
      expect(split.map(ids)).toEqual(whole.map(ids));
      expect(reported.sort()).toEqual([0, 1, 2, 3, 4]);
    }
  });

  test("are refused as a whole, with the place, when one request is invalid", async () => {
    const model = fakeModel();
    await expect(model.generateBatch([{ prompt: "a" }, { prompt: " " }])).rejects.toThrow(
      "request 1: prompt",
    );
  });

  test("let the others finish when one fails", async () => {
    const model = fakeModel({ contextLength: 60 });
    const answered: number[] = [];
    const batch = model.generateBatch(
      [{ prompt: "a" }, { prompt: "b".repeat(80) }, { prompt: "c" }],
      {
        onAnswer: (_, index) => answered.push(index),
      },
    );
    await expect(batch).rejects.toThrow(/request 1: .*received 88 tokens.*expected at most 59/);
    expect(answered).toEqual([0, 2]);
  });
});
