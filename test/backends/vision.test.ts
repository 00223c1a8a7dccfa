import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import { apc } from "../../src/methods/apc.js";
import { vcd } from "../../src/methods/vcd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { image } from "../engine/asked.js";
import { fakeOnnxParts } from "./fake-onnx.js";
import { countedParts, watched } from "./watched.js";

/** A fake model that counts runs of its vision encoder, and rows that its decoder was given. */
function counting(memory = { visionBytes: 2 ** 20, prefixBytes: 2 ** 20 }) {
  const { parts, counts } = countedParts(fakeOnnxParts({ respond: () => "ok" }));
  const model = new LocalModel(new OnnxBackend({ ...parts, memory }));
  return { model, counts };
}

test("an image is encoded once for all questions and methods, a distorted copy once per seed and step", async () => {
  const { model, counts } = counting();
  await model.generate({ image, prompt: "One?" });
  expect(counts.images).toBe(1);
  await model.generateBatch([
    { image, prompt: "Two?" },
    { image, prompt: "Three?", method: apc() },
  ]);
  expect(counts.images).toBe(1);
  await model.generate({ image, prompt: "One?", method: vcd() });
  await model.generate({ image, prompt: "Two?", method: vcd({ alpha: 3 }) });
  expect(counts.images).toBe(2);
  await model.generate({ image, prompt: "Two?", method: vcd(), seed: 1 });
  await model.generate({ image, prompt: "Two?", method: vcd({ noiseStep: 900 }) });
  expect(counts.images).toBe(4);
  await model.generate({ image: { ...image, data: Uint8Array.of(0, 0, 0) }, prompt: "One?" });
  expect(counts.images).toBe(5);
});

test("an image that is being encoded is not encoded again for those who ask meanwhile", async () => {
  const { model, counts } = counting();
  await model.generateBatch([
    { image, prompt: "One?" },
    { image, prompt: "Two?", method: vcd() },
    { image, prompt: "Three?", method: vcd({ alpha: 2 }) },
  ]);
  expect(counts.images).toBe(2);
});

test("an image whose encoding failed is encoded anew for the next who asks", async () => {
  const { parts, counts } = countedParts(fakeOnnxParts({ respond: () => "ok" }));
  const { vision } = parts.graphs;
  let failures = 1;
  const session = watched(vision.session, () => {
    if (failures-- > 0) throw new Error("out of memory");
  });
  const graphs = { ...parts.graphs, vision: { ...vision, session } };
  const model = new LocalModel(new OnnxBackend({ ...parts, graphs }));
  await expect(model.generate({ image, prompt: "?" })).rejects.toMatchObject({
    code: "INFERENCE",
    message: "the vision encoder failed: out of memory",
  });
  expect((await model.generate({ image, prompt: "?" })).text).toBe("ok");
  expect(counts.images).toBe(1);
});

test("the prompt up to the end of the image is prefilled once", async () => {
  const { model, counts } = counting();
  const question = "Is it?\nMODEL:".length;
  // Beginning and four image tokens; the question; two tokens of the answer "ok".
  await model.generate({ image, prompt: "Is it?" });
  expect(counts.rows).toBe(5 + question + 2);
  await model.generate({ image, prompt: "Is it?" });
  expect(counts.rows).toBe(5 + 2 * (question + 2));
});

test("nothing is kept beyond the bound", async () => {
  const { model, counts } = counting({ visionBytes: 0, prefixBytes: 0 });
  await model.generate({ image, prompt: "One?" });
  await model.generate({ image, prompt: "One?" });
  expect(counts.images).toBe(2);
});
