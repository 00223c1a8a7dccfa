import sharp from "sharp";
import { expect, test } from "vitest";
import { DatasetError, load, vcd } from "../../../src/index.js";
import { CHECKPOINTS } from "../../global-setup.js";

const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 7919) % 256);
const raw = () => sharp(data, { raw: { width: 16, height: 16, channels: 3 } });

test("noise and draws are the same in every format", async () => {
  await using model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const images = [
    await raw().png().toBuffer(),
    await raw().webp({ lossless: true }).toBuffer(),
    { data, width: 16, height: 16, channels: 3 as const },
  ];
  const request = { prompt: "What?", method: vcd(), temperature: 1, maxTokens: 8, topLogprobs: 1 };
  const answers = await model.generateBatch(images.map((image) => ({ ...request, image })));
  const said = answers.map(({ tokens }) => tokens.map(({ id, logprob }) => [id, logprob]));
  expect(said[1]).toEqual(said[0]);
  expect(said[2]).toEqual(said[0]);
});

test("the limits of load hold for its model", async () => {
  const image = await raw().resize(200, 200).png().toBuffer();
  const images = { maxMegapixels: 0.01 };
  await using model = await load(`${CHECKPOINTS}concat`, { threads: 1, images });
  const answer = model.generate({ image, prompt: "What?" });
  await expect(answer).rejects.toThrow("200 x 200 pixels, more than 0.01 million");
  await expect(answer).rejects.toThrow(DatasetError);
});
