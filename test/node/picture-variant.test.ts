import { expect, test } from "vitest";
import { load, mapImages, type Picture } from "../../src/index.js";

const WHITE: Picture = {
  data: new Uint8Array(32 * 32 * 3).fill(255),
  width: 32,
  height: 32,
  channels: 3,
};
const BLACK: Picture = { ...WHITE, data: new Uint8Array(32 * 32 * 3) };

test("a variant that changes the picture answers as the changed picture does", async () => {
  await using model = await load("pocket");
  const ask = { prompt: "Describe the image.", maxTokens: 8 };
  const [white, black] = [
    { ...ask, image: WHITE },
    { ...ask, image: BLACK },
  ];
  const inverted = await model.generate({
    ...white,
    method: {
      name: "inverted",
      settings: {},
      needs: { image: true },
      start: ({ view }) => ({
        streams: [
          {
            view: mapImages(view, (variant) => ({
              ...variant,
              key: `${variant.key}, inverted`,
              picture: ({ data, ...size }) => ({ ...size, data: data.map((value) => 255 - value) }),
            })),
          },
        ],
      }),
    },
  });
  const first = ({ tokens: [token] }: Awaited<ReturnType<typeof model.generate>>) => token!.logprob;
  const [onWhite, onBlack] = [await model.generate(white), await model.generate(black)];
  expect(inverted.text).toBe(onBlack.text);
  expect(first(inverted)).toBe(first(onBlack));
  expect(first(inverted)).not.toBe(first(onWhite));
});
