/** Maps by occlusion on a model whose answer is known to depend on the mean of the pixels. */
import { expect, test } from "vitest";
import { occlusionMaps } from "../../../src/diagnose/where/occlusion-maps.js";
import { mapPeak, phraseMap } from "../../../src/diagnose/where/token-maps.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { image as dot } from "../../engine/asked.js";

/** Four by two pixels of grey, the third of the second row bright. */
const GREY = [50, 50, 50, 50, 50, 50, 250, 50];
const picture = {
  width: 4,
  height: 2,
  channels: 3,
  data: Uint8Array.from(GREY.flatMap((value) => [value, value, value])),
} as const;

/** Gives "a" a logit of 20 times the mean of the first image, everything else 0. */
const model = () =>
  fakeModel({
    logits(context) {
      const logits = new Float32Array(259);
      logits[97] = 20 * (context.find(({ isImage }) => isImage)?.feature ?? 0);
      return logits;
    },
  });

const logProb = (brightness: number): number => {
  const logit = 20 * brightness;
  return logit - Math.log(Math.exp(logit) + 258);
};
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length / 255;
/** What hiding some pixels takes from the log-probability of "a". */
const drop = (...pixels: number[]): number => {
  const colour = 75;
  const hidden = GREY.map((value, i) => (pixels.includes(i) ? colour : value));
  return logProb(mean(GREY)) - logProb(mean(hidden));
};

test("a cell's value is what hiding it takes from the token's log-probability", async () => {
  const request = { image: picture, prompt: "What is this?", answer: "aa" };
  const seen: number[][] = [];
  const { maps, pieces } = await occlusionMaps(model(), request, {
    onProgress: (...progress) => seen.push(progress),
  });
  expect(pieces.join("").trim()).toBe("aa");
  const [first, second] = maps.slice(-2);
  expect(first).toMatchObject({ rows: 2, columns: 4, how: "occlusion" });
  GREY.forEach((_, i) => {
    expect(first!.values[i]).toBeCloseTo(drop(i), 5);
  });
  expect(first!.values[6]).toBeGreaterThan(0.5);
  expect(second).toEqual(first);
  expect(mapPeak(first!)).toEqual({ x: 0.625, y: 0.75 });
  expect(phraseMap(maps, [maps.length - 2, maps.length]).values[6]).toBeCloseTo(2 * drop(6), 5);
  expect(seen.at(-1)).toEqual([9, 9]);
});

test("of larger windows a cell has the mean of those that hide it", async () => {
  const turns = [
    {
      role: "user",
      content: [
        { type: "text", text: "Look:" },
        { type: "image", image: picture },
        { type: "image", image: dot },
      ],
    },
  ] as const;
  const { maps } = await occlusionMaps(model(), { turns, answer: [97] }, { window: 2 });
  const [left, middle, right] = [drop(0, 1, 4, 5), drop(1, 2, 5, 6), drop(2, 3, 6, 7)];
  expect(maps).toHaveLength(1);
  [left, (left + middle) / 2, (middle + right) / 2, right].forEach((value, column) => {
    expect(maps[0]!.values[column]).toBeCloseTo(value, 5);
    expect(maps[0]!.values[4 + column]).toBeCloseTo(value, 5);
  });
});

test("says what is wrong with what it is asked", async () => {
  const request = { image: picture, prompt: "What?", answer: "a" };
  await expect(occlusionMaps(model(), { prompt: "What?", answer: "a" })).rejects.toThrow(
    "without an image",
  );
  await expect(occlusionMaps(model(), request, { cells: 0 })).rejects.toThrow("cells");
  await expect(occlusionMaps(model(), request, { size: 3 } as never)).rejects.toThrow("size");
  await expect(occlusionMaps(fakeModel({ best: 5 }), request)).rejects.toThrow(
    "likeliest tokens only",
  );
  await expect(occlusionMaps(model(), { ...request, signal: AbortSignal.abort() })).rejects.toThrow(
    "aborted",
  );
  await expect(async () => phraseMap([], [0, 1])).rejects.toThrow("tokens: received 0 to 1");
});
