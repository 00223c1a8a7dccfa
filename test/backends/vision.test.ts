import { expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { Tensors } from "../../src/backends/onnx/runtime.js";
import { apc } from "../../src/methods/apc.js";
import { vcd } from "../../src/methods/vcd.js";
import { LocalModel } from "../../src/model/local-model.js";
import { fakeOnnxParts } from "./fake-onnx.js";

const image = { data: Uint8Array.of(10, 200, 90), width: 1, height: 1, channels: 3 } as const;

/** A fake model that counts runs of its vision encoder, and rows that its decoder was given. */
function counting(memory = { visionBytes: 2 ** 20, prefixBytes: 2 ** 20 }) {
  const parts = fakeOnnxParts({ respond: () => "ok" });
  const counts = { images: 0, rows: 0 };
  const { vision, decoder } = parts.graphs;
  type Feeds = Parameters<typeof vision.session.run>[0];
  const encode = {
    ...vision.session,
    run: (feeds: Feeds) => {
      counts.images++;
      return vision.session.run(feeds);
    },
  };
  const decode = {
    ...decoder.session,
    run: (feeds: Feeds) => {
      const [batch, steps] = (feeds as Tensors).inputs_embeds!.dims;
      counts.rows += batch! * steps!;
      return decoder.session.run(feeds);
    },
  };
  const graphs = {
    ...parts.graphs,
    vision: { ...vision, session: encode },
    decoder: { ...decoder, session: decode },
  };
  const model = new LocalModel(new OnnxBackend({ ...parts, memory, graphs }));
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
