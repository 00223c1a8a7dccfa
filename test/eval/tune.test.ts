import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { benchmarkNamed } from "../../src/eval/benchmarks/registry.js";
import { devThresholdOf } from "../../src/eval/controls/dev-threshold.js";
import { evaluate } from "../../src/eval/evaluate.js";
import { planRun, type RunSet, type SetRequest } from "../../src/eval/run/plan-run.js";
import { planSeries } from "../../src/eval/run/plan-series.js";
import type { RunSettings } from "../../src/eval/store/run-settings.js";
import type { DevThreshold, SplitPart } from "../../src/eval/store/tuned.js";
import { TUNED_FILE, type TuningRequest, tune } from "../../src/eval/tune.js";
import {
  heldOutBy,
  parseTunedSetting,
  type TunedSetting,
  tunedMark,
} from "../../src/eval/tuning/tuned-setting.js";
import { type Method, mapQuestion, regular } from "../../src/index.js";
import { seeingModel, writeSet } from "./small-run.js";

let folder: string;
let data: string;
let chosen: TunedSetting;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tune-"));
  data = await writeSet(folder);
  chosen = await tuned();
});
afterAll(() => rm(folder, { recursive: true }));

/** Asks about another thing: the model sees dogs, but always says yes to a person. */
function asking(thing: string): Method {
  return {
    name: "asking",
    settings: { thing },
    needs: {},
    start: ({ view }) => ({
      streams: [
        {
          view: mapQuestion(view, (parts) => [
            ...parts.filter(({ type }) => type === "image"),
            { type: "text", text: `A ${thing}?` },
          ]),
        },
      ],
    }),
  };
}
const candidates = new Map(
  ["person", "dog"].map((thing) => [`asking:thing=${thing}`, asking(thing)]),
);
const split = { seed: 3, share: 0.5 };

const planned = (more: Partial<SetRequest>): Promise<RunSet[]> => {
  const images = join(folder, "images");
  const set = { benchmark: benchmarkNamed("pope"), data, truth: null, images, rule: "pope" };
  return planRun([{ ...set, limit: null, ...more }]);
};
const part = (name: SplitPart["part"]) => planned({ split: { part: name, ...split } });

async function tuned(more: Partial<TuningRequest> = {}): Promise<TunedSetting> {
  await using model = seeingModel();
  const out = join(folder, "tuning");
  const sets = await part("dev");
  return (await tune(model, { name: "asking", candidates, sets, out, ...more })).tuned;
}

/** A run with the setting that was chosen. */
async function evaluated(sets: RunSet[], method: Method, out: string) {
  await using model = seeingModel();
  const methods = new Map([
    ["regular", regular()],
    ["asking", method],
  ]);
  const series = planSeries({ methods, greedy: true, seeds: 0 });
  return await evaluate(model, { sets, methods, series, out: join(folder, out), tuned: [chosen] });
}

test("the best setting on dev questions is chosen, written, and read again", async () => {
  expect(chosen).toMatchObject({
    name: "asking",
    chosen: "asking:thing=dog",
    method: { name: "asking", settings: { thing: "dog" } },
    decoding: "greedy",
    split,
    sets: [{ name: "pope_small", benchmark: "pope", metric: "accuracy" }],
  });
  expect(chosen.tried.map(({ name, rank }) => [name, rank])).toEqual([
    ["asking:thing=person", 2],
    ["asking:thing=dog", 1],
  ]);
  const [person, dog] = chosen.tried.map(({ figures: [figure] }) => figure!);
  expect(person!.value).toBeLessThan(dog!.value!);
  expect(dog!.interval!.low).toBeLessThan(dog!.value!);
  expect(chosen.images.length).toBeGreaterThan(2);
  expect(chosen.images.length).toBeLessThan(12);
  const text = await readFile(join(folder, "tuning", TUNED_FILE), "utf8");
  expect(parseTunedSetting(text, TUNED_FILE)).toEqual(chosen);
  // The same request finds all answers there.
  let asked = 0;
  expect(await tuned({ onProgress: () => asked++ })).toEqual(chosen);
  expect(asked).toBe(0);
});

describe("a run with the tuned setting", () => {
  test("asks only about other images of files that it was tuned on, and says so", async () => {
    const sets = await planned({ heldOut: heldOutBy([chosen]) });
    const analysis = await evaluated(sets, asking("dog"), "tested");
    const dev = new Set(chosen.images);
    expect(sets[0]!.questions.some(({ image }) => dev.has(image!))).toBe(false);
    expect(analysis.settings.sets[0]).toMatchObject({ split: { part: "test", ...split } });
    const { length } = chosen.images;
    const line = `asking: tuned on dev of pope_small (n = ${2 * length} about ${length} images, split seed 3): the best of 2 settings, greedy`;
    const markdown = await readFile(join(folder, "tested", "report.md"), "utf8");
    expect(markdown.replaceAll("\\", "")).toContain(`- ${line}.`);
    expect(markdown).toContain("of its test part (50% of the images, split seed 3)");
    expect(await readFile(join(folder, "tested", "report.html"), "utf8")).toContain(line);
  });

  test("holds it against the threshold that was chosen on the same dev questions", async () => {
    const sets = await part("test");
    const { settings, sets: found } = await evaluated(sets, asking("dog"), "tested");
    const questions = 2 * chosen.images.length;
    const { threshold } = chosen.thresholds![0]!;
    expect(chosen.thresholds).toEqual([
      { benchmark: "pope", rule: "pope", promptSuffix: "", questions, threshold },
    ]);
    expect(found[0]!.controls.find(({ method }) => method === "threshold")?.setting).toBe(
      `yes where ln p(yes) - ln p(no) of regular is above ${threshold.toFixed(2)}, chosen on ${questions} dev questions`,
    );
    expect(devThresholdOf(settings, sets[0]!)?.threshold).toBe(threshold);
  });

  test("or by halves, where it was chosen for other questions, prompts or checkpoints", () => {
    const [one] = chosen.thresholds!;
    const benchmark = benchmarkNamed("pope");
    const run = (thresholds: readonly DevThreshold[], hash = "a") => ({
      promptSuffix: "",
      model: { hash: "a" },
      tuned: { asking: { ...tunedMark({ ...chosen, thresholds }), model: { id: "it", hash } } },
    });
    const chosenFor = (settings: object, rule = "pope", promptVariant?: string) =>
      devThresholdOf(
        settings as RunSettings,
        { benchmark, rule, settings: { promptVariant } } as unknown as RunSet,
      );
    expect(chosenFor(run([one!]))).toEqual(one);
    const more = { ...one!, questions: 99 };
    expect(chosenFor(run([one!, more]))).toEqual(more);
    expect(chosenFor(run([one!], "another checkpoint"))).toBeNull();
    expect(chosenFor(run([one!]), "vcd")).toBeNull();
    expect(chosenFor(run([one!]), "pope", "short")).toBeNull();
    expect(chosenFor(run([{ ...one!, promptSuffix: " In one word." }]))).toBeNull();
    expect(chosenFor({ ...run([]), tuned: undefined })).toBeNull();
  });

  test("asks all questions of files that it was not tuned on", async () => {
    const heldOut = { split, images: new Set(["elsewhere.png"]) };
    expect((await planned({ heldOut }))[0]!.questions).toHaveLength(24);
    expect(heldOutBy([{ ...chosen, split: null }])).toBeUndefined();
  });

  test("is refused on the questions that it was tuned on", async () => {
    const dev = evaluated(await part("dev"), asking("dog"), "refused");
    const all = 2 * chosen.images.length;
    await expect(dev).rejects.toThrow(
      `pope_small: ${all} of ${all} questions are about images that asking was tuned on; ` +
        "ask the test part of split seed 3, dev share 0.5 alone",
    );
    const whole = evaluated(await planned({}), asking("dog"), "refused");
    await expect(whole).rejects.toThrow(`pope_small: ${all} of 24 questions`);
  });

  test("is refused on them where their file names the images by their folder too", async () => {
    const rows = (await readFile(data, "utf8")).replaceAll('"image":"', '"image":"images/');
    const elsewhere = join(folder, "by_folder.jsonl");
    await writeFile(elsewhere, rows);
    const asked = { data: elsewhere, images: folder };
    const all = 2 * chosen.images.length;
    const whole = evaluated(await planned(asked), asking("dog"), "refused");
    await expect(whole).rejects.toThrow(`by_folder: ${all} of 24 questions are about images`);
    const others = await planned({ ...asked, heldOut: heldOutBy([chosen]) });
    await expect(evaluated(others, asking("dog"), "refused")).rejects.toThrow(
      "tune on files that name images as these do",
    );
  });

  test("is refused with another setting than the tuned one", async () => {
    const other = evaluated(await part("test"), asking("cat"), "refused");
    await expect(other).rejects.toThrow(/asking: received {"thing":"cat"}; expected .*"dog"/);
  });
});

describe("refused", () => {
  test("the test part, and parts of two splits", async () => {
    await expect(tuned({ sets: await part("test") })).rejects.toThrow(/expected the dev part/);
    const [one] = await part("dev");
    const [other] = await planned({ split: { part: "dev", seed: 2, share: 0.5 } });
    const sets = [one!, { ...other!, name: "other" }];
    await expect(tuned({ sets })).rejects.toThrow(/several splits/);
  });

  test("settings that were tuned on two splits", async () => {
    const other = { ...chosen, name: "vcd", split: { seed: 2, share: 0.5 } };
    expect(() => heldOutBy([chosen, other])).toThrow(/tuned on different splits/);
  });

  test("a file that is no tuned setting, by field", () => {
    expect(() => parseTunedSetting("{}", "x.json")).toThrow(/x\.json: field version: .*tune/);
    expect(() => parseTunedSetting("[", "x.json")).toThrow(/x\.json/);
    const model = { ...chosen.model, id: "\x1b[2J" };
    expect(() => parseTunedSetting(JSON.stringify({ ...chosen, model }), "x.json")).toThrow(
      /x\.json: field model\.id: .*control characters/,
    );
  });
});
