/** Maps on every family's tiny checkpoint: the numbers mean nothing, the path and the layout are real. */
import { describe, expect, test } from "vitest";
import { attentionMaps } from "../../../src/diagnose/where/attention-maps.js";
import { occlusionMaps } from "../../../src/diagnose/where/occlusion-maps.js";
import type { ReadAnswer } from "../../../src/engine/reading.js";
import { attentionEdit, attentionOutput } from "../../../src/onnx/edits/attention.js";
import { openModel } from "../../checkpoints.js";

/** A bright square on the dark left half of an oblong picture. */
const picture = (() => {
  const [width, height] = [64, 48];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return x >= 8 && x < 24 && y >= 8 && y < 24 ? 240 : (x * 2 + y) % 90;
  });
  return { data, width, height, channels: 3 } as const;
})();
const question = { image: picture, prompt: "What is it?", answer: [5, 9, 7] };

const NAMES: readonly (readonly [name: string, rows: number, columns: number])[] = [
  // Nine tiles of 2 x 2 features, and the whole picture in 2 x 2 over them.
  ["idefics3-concat", 6, 6],
  ["smolvlm-gqa", 2, 2],
  ["qwen2-vl-concat", 3, 4],
  ["qwen3.5-gqa", 3, 4],
  ["lfm2-vl-gqa", 2, 2],
  ["gemma3-gqa", 2, 2],
  ["paligemma-concat", 4, 4],
  ["fastvlm-concat", 4, 5],
  ["llava-onevision-concat", 4, 4],
];
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test.each(NAMES)("%s: attention over %i x %i cells, and occlusion", async (name, rows, columns) => {
  await using model = await openModel(name);
  const { maps, onImage, tokens } = await attentionMaps(model, question);
  expect(tokens).toEqual(question.answer);
  expect(maps).toHaveLength(3);
  maps.forEach((map, i) => {
    expect(map).toMatchObject({ rows, columns, how: "attention" });
    expect(sum(map.values)).toBeCloseTo(onImage[i]!, 6);
    expect(onImage[i]).toBeGreaterThan(0);
    expect(onImage[i]).toBeLessThan(1);
  });
  const { maps: hidden } = await occlusionMaps(model, question, { cells: 2 });
  expect(hidden.map(({ values }) => values.length)).toEqual([4, 4, 4]);
  const values = hidden.flatMap((map) => map.values);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0);
});

describe("paligemma-concat", () => {
  test("a cell's value is the mean over the asked layers and heads at its feature's token", async () => {
    await using model = await openModel("paligemma-concat");
    const read: { made?: ReadAnswer; rows: Float32Array[] } = { rows: [] };
    const edit = attentionEdit([1]);
    read.made = await model.read(question, {
      streams: ({ view }) => [{ view, edits: [{ edit, strength: 1 }] }],
      onPosition: ({ readings }, position) => {
        read.rows[position] = readings![attentionOutput(1)]!.slice();
      },
    });
    const [{ spans } = { spans: [] }] = read.made.images[0]!;
    expect(spans).toHaveLength(1);
    const [prompt] = read.made.prompts;
    const { maps } = await attentionMaps(model, question, { layers: [1], heads: [1] });
    maps.forEach(({ values }, i) => {
      const second = read.rows[i]!.slice(prompt!.length + i).slice(spans[0]!.start);
      values.forEach((value, feature) => {
        expect(value).toBeCloseTo(second[feature]!, 6);
      });
    });
    await expect(attentionMaps(model, question, { heads: [9] })).rejects.toThrow(
      "heads: received 9",
    );
    await expect(attentionMaps(model, question, { layers: [7] })).rejects.toThrow("layer 7");
    await expect(attentionMaps(model, { prompt: "Hm?", answer: [5] })).rejects.toThrow("image");
  });
});

describe("gemma4-concat", () => {
  test("refuses by name a layer whose keys others read too, and reads another", async () => {
    await using model = await openModel("gemma4-concat");
    await expect(attentionMaps(model, question)).rejects.toThrow(/attention of layer 1/);
    const { maps } = await attentionMaps(model, question, { layers: [0] });
    expect(maps[0]!.values.length).toBe(maps[0]!.rows * maps[0]!.columns);
  });
});
