import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mapImages } from "../../src/engine/view.js";
import { evaluate } from "../../src/eval/evaluate.js";
import type { RunAnalysis } from "../../src/eval/report/run-analysis.js";
import { planSeries } from "../../src/eval/run/plan-series.js";
import { type Method, regular, vcd } from "../../src/index.js";
import { seeingModel, smallRequest, writeSet } from "./small-run.js";

/** Sees a picture in the dark in half of the draws of its noise. */
const blinking: Method = {
  name: "blinking",
  settings: {},
  needs: { image: true },
  seeded: true,
  start: (run) => ({
    streams: [
      {
        view: mapImages(run.view, (image, index) => ({
          key: `${image.key}, blinking under seed ${run.seed}`,
          features: (pixels, encode) => {
            const dark = run.random("blink", index).uniform() < 0.5;
            const data = dark ? pixels.data.map(() => 0) : pixels.data;
            return image.features({ dims: pixels.dims, data }, encode);
          },
        })),
      },
    ],
  }),
};
/** Says that it draws noise, and draws none. */
const steady: Method = { ...regular(), name: "steady", seeded: true };
const methods = new Map([regular(), blinking, steady].map((method) => [method.name, method]));
const DRAWS = 4;
const series = planSeries({ methods, greedy: true, seeds: 0, noiseDraws: DRAWS });

let folder: string;
let data: string;
let analysis: RunAnalysis;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "draws-"));
  data = await writeSet(folder);
  await using model = seeingModel();
  analysis = await evaluate(model, await smallRequest(folder, data, { methods, series }));
});
afterAll(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(join(folder, "out", name), "utf8");
const rows = async (name: string) =>
  (await read(name))
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
const figures = (name: string) => analysis.sets[0]!.methods.find((one) => one.method === name)!;

describe("series", () => {
  test("greedy answers are drawn several times by methods that draw noise, others once", () => {
    expect(
      planSeries({
        methods: new Map([
          ["regular", regular()],
          ["vcd", vcd()],
        ]),
        greedy: true,
        seeds: 2,
      }),
    ).toEqual([
      { method: "regular", seed: null },
      { method: "regular", seed: 0 },
      { method: "regular", seed: 1 },
      { method: "vcd", seed: null },
      { method: "vcd", seed: null, draw: 1 },
      { method: "vcd", seed: null, draw: 2 },
      { method: "vcd", seed: 0 },
      { method: "vcd", seed: 1 },
    ]);
    const once = planSeries({ methods, greedy: true, seeds: 0, noiseDraws: 1 });
    expect(once).toEqual([...methods.keys()].map((method) => ({ method, seed: null })));
  });

  test.each([0, -1, 1.5, Number.NaN, 1e9])("%s draws are refused", (noiseDraws) => {
    expect(() => planSeries({ methods, greedy: true, seeds: 0, noiseDraws })).toThrow(
      `noise draws: received ${noiseDraws}; expected an integer from 1 to 1000`,
    );
  });
});

describe("a run with several draws", () => {
  test("stores every draw, and the same again asks nothing", async () => {
    const stored = await rows("answers.jsonl");
    expect(stored).toHaveLength(24 * (1 + DRAWS + DRAWS));
    const draws = stored.filter(({ id, method }) => id === "0" && method === "blinking");
    expect(draws.map(({ draw }) => draw)).toEqual([undefined, 1, 2, 3]);
    await using model = seeingModel();
    let asked = 0;
    const onProgress = () => asked++;
    await evaluate(model, await smallRequest(folder, data, { methods, series, onProgress }));
    expect(asked).toBe(0);
  });

  test("draws differ from each other, and from image to image", async () => {
    const stored = await rows("answers.jsonl");
    const dogs = (draw?: number) =>
      stored
        .filter((row) => row.method === "blinking" && row.draw === draw && Number(row.id) % 4 === 0)
        .map(({ text }) => text);
    expect(new Set([dogs(), dogs(1), dogs(2), dogs(3)].map((texts) => texts.join())).size).toBe(4);
    expect(new Set(dogs())).toEqual(new Set(["Yes", "No"]));
  });

  test("a figure pools the draws, with their spread, and an interval over images", () => {
    const { draws, n, seeds, figures: all } = figures("blinking");
    expect({ draws, n, seeds }).toEqual({ draws: DRAWS, n: 24 * DRAWS, seeds: [null] });
    const { value, spread, interval } = all.accuracy!;
    expect(spread!.seeds).toBe(DRAWS);
    expect(spread!.mean).toBeCloseTo(value.value!);
    expect(spread!.standardDeviation).toBeGreaterThan(0);
    expect(interval!.low).toBeLessThan(value.value!);
    expect(interval!.high).toBeGreaterThan(value.value!);
    expect(figures("regular")).toMatchObject({ draws: 1, n: 24 });
    expect(figures("regular").figures.accuracy!.spread).toBeNull();
  });

  test("one that is asked four times and says the same is no different from the baseline", () => {
    const [comparison] = analysis.sets[0]!.comparisons.filter(({ method }) => method === "steady");
    // Without any image that differs, p is 1.
    expect(comparison).toMatchObject({ difference: 0, pValue: 1, shown: false });
    expect(figures("steady").figures.accuracy!.value).toEqual(
      figures("regular").figures.accuracy!.value,
    );
  });

  test("the report says how often was drawn", async () => {
    for (const report of [await read("report.md"), await read("report.html")]) {
      expect(report).toContain("greedy, 4 draws");
      expect(report).toMatch(/, draws ±\d/);
      expect(report).toContain("4 (blinking, steady)");
    }
    expect(await read("report.html")).toContain("greedy, first draw");
    expect((await rows("figures.jsonl")).find(({ method }) => method === "blinking")).toMatchObject(
      {
        decoding: "greedy",
        seeds: 0,
        draws: DRAWS,
      },
    );
  });

  test("another number of draws in the same folder is refused", async () => {
    await using model = seeingModel();
    const fewer = planSeries({ methods, greedy: true, seeds: 0, noiseDraws: 2 });
    const request = await smallRequest(folder, data, { methods, series: fewer });
    await expect(evaluate(model, request)).rejects.toThrow(
      "holds a run with other settings: noise draws were 4, are 2 (--noise-draws 4 goes on with it). Use",
    );
  });
});
