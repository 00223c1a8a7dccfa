import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { progressText } from "../../src/cli/progress-line.js";
import { benchmarkNamed } from "../../src/eval/benchmarks/registry.js";
import { planControls } from "../../src/eval/controls/plan-controls.js";
import { evaluate } from "../../src/eval/evaluate.js";
import type { RunAnalysis } from "../../src/eval/report/run-analysis.js";
import { writeReport } from "../../src/eval/report/write-report.js";
import { requestSeed } from "../../src/eval/run/model-answerer.js";
import { planRun } from "../../src/eval/run/plan-run.js";
import { planSeries } from "../../src/eval/run/plan-series.js";
import { pocketSuite } from "../../src/eval/run/pocket-suite.js";
import type { Progress } from "../../src/eval/run/run-evaluation.js";
import { InvalidArgumentError, methodNamed } from "../../src/index.js";
import { seeingModel, smallRequest, writeSet } from "./small-run.js";

let folder: string;
let data: string;
let analysis: RunAnalysis;
const seen: Progress[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-"));
  data = await writeSet(folder);
  await using model = seeingModel();
  const request = await smallRequest(folder, data, {
    onProgress: (progress) => seen.push(progress),
  });
  analysis = await evaluate(model, request);
});
afterAll(() => rm(folder, { recursive: true }));

const read = (name: string) => readFile(join(folder, "out", name), "utf8");

test("controls that are decoded answer only the kind of question that they are for", async () => {
  await using model = seeingModel();
  const out = join(folder, "controls");
  const request = await smallRequest(folder, data, { out });
  const controls = planControls(["yes-no", "caption"], { greedy: true, seeds: 1 });
  const totals: number[] = [];
  const ask = () =>
    evaluate(model, {
      ...request,
      methods: new Map([["regular", methodNamed("regular")], ...controls.methods]),
      series: [{ method: "regular", seed: null }, ...controls.series],
      onProgress: ({ total }) => totals.push(total),
    });
  const { sets } = await ask();
  const answered = sets[0]!.methods.map(({ method, decoding, n }) => [method, decoding, n]);
  expect(answered).toEqual([
    ["regular", "greedy", 24],
    ["pba", "greedy", 24],
    ["pba", "sampling", 24],
    ["cool", "sampling", 24],
  ]);
  expect(new Set(totals)).toEqual(new Set([96]));
  // Controls are on no trial themselves.
  expect(sets[0]!.findings.every(({ kind }) => kind === "inactive")).toBe(true);
  const asked = totals.length;
  await ask();
  expect(totals).toHaveLength(asked);
});

describe("a run", () => {
  test("every question is answered in every series: 24 x 3 methods x (greedy + 2 seeds)", async () => {
    const lines = (await read("answers.jsonl")).trim().split("\n");
    expect(lines).toHaveLength(24 * 9);
    expect(JSON.parse(lines[0]!)).toEqual({
      set: "pope_small",
      id: "0",
      method: "regular",
      seed: null,
      text: "Yes",
      // The logit of Y is 20, those of y, N and n lie between 0 and 4.
      margin: 18.9035,
      mass: 1,
      changed: 0,
    });
    expect(seen.at(-1)).toMatchObject({ done: 216, total: 216, answered: 216 });
  });

  test("stands beside controls made of regular's margins, and says what each method does", () => {
    const [set] = analysis.sets;
    const named = set?.controls.map(({ method, decoding, seeds }) => [method, decoding, seeds]);
    expect(named).toEqual([
      ["threshold", "greedy", [null]],
      ["threshold", "sampling", [0]],
      ["olm", "greedy", [null]],
      ["olm", "sampling", [0, 1]],
    ]);
    expect(set?.controls[0]).toMatchObject({ n: 24, matchedTo: null, cost: null });
    const greedy = set?.findings.filter(({ decoding }) => decoding === "greedy");
    expect(greedy).toMatchObject([{ method: "apc", kind: "inactive" }, { method: "vcd" }]);
  });

  test("greedy figures: 12 dogs right, 4 of 12 people right", () => {
    const regular = analysis.sets[0]?.methods.find(
      ({ method, decoding }) => method === "regular" && decoding === "greedy",
    );
    expect(regular?.figures.accuracy?.value.value).toBeCloseTo(16 / 24);
    expect(regular?.figures.recall?.value).toEqual({ value: 1 });
    expect(regular?.figures.accuracy?.interval).not.toBeNull();
    expect(regular?.figures.accuracy?.spread).toBeNull();
  });

  test("under greedy decoding the control equals the baseline: no difference shown", () => {
    const control = analysis.sets[0]?.comparisons.find(
      ({ method, decoding }) => method === "apc" && decoding === "greedy",
    );
    expect(control).toMatchObject({ reference: "regular", difference: 0, shown: false });
  });

  test("sampling has the seeds' spread, and vcd is compared with baseline and control", () => {
    const sampled = analysis.sets[0]?.methods.filter(({ decoding }) => decoding === "sampling");
    expect(sampled?.map(({ figures }) => figures.accuracy?.spread?.seeds)).toEqual([2, 2, 2]);
    const vcd = analysis.sets[0]?.comparisons.filter(({ method }) => method === "vcd");
    expect(vcd?.map(({ decoding, reference }) => `${decoding} ${reference}`)).toEqual([
      "greedy regular",
      "greedy apc",
      "sampling regular",
      "sampling apc",
    ]);
  });

  test("the same again asks nothing and ends in the same report", async () => {
    const before = await Promise.all([read("answers.jsonl"), read("report.json")]);
    await using model = seeingModel();
    const asked: Progress[] = [];
    const request = await smallRequest(folder, data, { onProgress: (p) => asked.push(p) });
    await evaluate(model, request);
    expect(asked).toEqual([]);
    expect(await Promise.all([read("answers.jsonl"), read("report.json")])).toEqual(before);
  });

  test("a series whose method the run does not have is refused before anything is asked", async () => {
    await using model = seeingModel();
    const out = join(folder, "misspelt");
    const series = [
      { method: "regular", seed: null },
      { method: "vdc", seed: null },
    ];
    const asked: Progress[] = [];
    const onProgress = (progress: Progress) => asked.push(progress);
    const request = await smallRequest(folder, data, { out, series, onProgress });
    const failure = evaluate(model, request);
    await expect(failure).rejects.toThrow(InvalidArgumentError);
    await expect(failure).rejects.toThrow(
      "series: received method vdc; the run has regular, apc, vcd",
    );
    expect(asked).toEqual([]);
    await expect(readFile(join(out, "answers.jsonl"))).rejects.toThrow(/ENOENT/);
  });

  test.each([
    [{ temperature: -1 }, "temperature: received -1; expected a number from 0 to 100"],
    [{ temperature: "1" as never }, 'temperature: received "1"; expected a number'],
    [{ topP: 0 }, "topP: received 0; expected a number above 0 and at most 1"],
    [{ topP: 1.1 }, "topP: received 1.1"],
    [{ topP: Number.NaN }, "topP: received NaN"],
  ])(
    "sampling that no model takes is refused when only greedy runs, too: %j",
    async (wrong, message) => {
      await using model = seeingModel();
      const out = join(folder, "unsampled");
      const series = [{ method: "regular", seed: null }];
      const failure = evaluate(model, await smallRequest(folder, data, { out, series, ...wrong }));
      await expect(failure).rejects.toThrow(InvalidArgumentError);
      await expect(failure).rejects.toThrow(message);
      await expect(readFile(join(out, "settings.json"))).rejects.toThrow(/ENOENT/);
    },
  );

  test("int8 graphs answer one question at a time, others in batches", async () => {
    await using model = seeingModel();
    const int8 = new Proxy(model, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key === "info") return { ...target.info, dtype: "q8" };
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const out = join(folder, "int8");
    await evaluate(int8, await smallRequest(folder, data, { out }));
    const batches = async (path: string) =>
      new Set(
        (await readFile(join(path, "timings.jsonl"), "utf8"))
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).batch),
      );
    expect(await batches(out)).toEqual(new Set([1]));
    expect(await batches(join(folder, "out"))).toEqual(new Set([4]));
  });

  test("the settings of each method are kept with its series", async () => {
    const { series } = JSON.parse(await read("settings.json"));
    const vcd = methodNamed("vcd");
    expect(series).toHaveLength(9);
    expect(series.at(-1)).toEqual({ method: "vcd", settings: vcd.settings, seed: 1 });
  });

  test("which tokens count as yes and no is part of the settings", async () => {
    expect(JSON.parse(await read("settings.json")).yesNoTokens).toEqual({
      yes: [89, 121],
      no: [78, 110],
    });
  });

  test("other settings in the same folder are refused", async () => {
    await using model = seeingModel();
    const request = await smallRequest(folder, data, { temperature: 0.5 });
    await expect(evaluate(model, request)).rejects.toThrow(/temperature was 1, is 0\.5/);
  });
});

describe("the report", () => {
  /** The report of this run with one more example, of a kind that a fake model does not give. */
  async function withExample(): Promise<string> {
    const [set] = analysis.sets;
    const answers = ["<b>there</b>", ""].map((text, i) => ({
      method: `m${i}`,
      text,
      outcome: i === 0 ? ("right" as const) : ("unparsed" as const),
      explanation: "why & how",
    }));
    const question = { id: "0", image: "0.png", prompt: '<i>"Is it?"</i>', truth: "yes" };
    const gone = { ...question, image: "gone.png" };
    // It would draw its neighbour, which the model never saw.
    const drawing =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="0.png"/></svg>';
    await writeFile(join(folder, "images", "drawing.png"), drawing);
    const disagreements = [question, gone, { ...question, image: "drawing.png" }].map((one) => ({
      decoding: "greedy" as const,
      question: one,
      answers,
    }));
    const out = join(folder, "with-example");
    await mkdir(out, { recursive: true });
    const sets = set === undefined ? [] : [{ ...set, disagreements }];
    await writeReport(out, { ...analysis, sets }, (_, image) => join(folder, "images", image), []);
    return readFile(join(out, "report.html"), "utf8");
  }

  test("HTML holds the examples' pictures, its own script alone, and no address outside", async () => {
    const html = (await withExample()).replace(/<script>[\s\S]*?<\/script>/, "");
    expect(html.match(/src="data:image\/png;base64,/g)).toHaveLength(1);
    expect(html).not.toMatch(/<script|src="(?!data:)|<link|@import|url\(/);
    expect(html).toContain("<svg");
  });

  test("answers and questions are shown as text, whatever they hold", async () => {
    const html = await withExample();
    expect(html).not.toMatch(/<b>there|<i>"Is/);
    expect(html).toContain("&lt;b&gt;there&lt;/b&gt;");
    expect(html).toContain("why &amp; how");
    expect(html).toContain("<i>empty</i>");
  });

  test("Markdown holds the figures, the rule and what is needed to run it again", async () => {
    const markdown = await read("report.md");
    expect(markdown).toContain("Rule `pope`, 24 questions about 12 images");
    expect(markdown).toMatch(/\| regular \| greedy \| 66\.7 \(\d+\.\d to \d+\.\d\)/);
    expect(markdown).toContain("| method vcd | {");
    expect(markdown).toContain("no difference shown between apc and regular");
  });

  test("JSON is the analysis", async () => {
    expect(JSON.parse(await read("report.json"))).toEqual(JSON.parse(JSON.stringify(analysis)));
  });
});

describe("planning", () => {
  const benchmark = benchmarkNamed("pope");
  const request = { benchmark, truth: null, rule: "pope", limit: null };

  test("a missing image is named with file and line before anything is run", async () => {
    const images = join(folder, "elsewhere");
    await expect(planRun([{ ...request, data, images }])).rejects.toThrow(
      `pope_small.jsonl line 1: image ${join(images, "0.png")} is missing`,
    );
  });

  test("a limit takes all questions about the first images; two files of one name are refused", async () => {
    const one = { ...request, data, images: join(folder, "images"), limit: 5 };
    const [set] = await planRun([one]);
    expect(set?.questions).toHaveLength(10);
    expect(new Set(set?.questions.map(({ image }) => image)).size).toBe(5);
    expect(set?.settings).toMatchObject({ questions: 10, firstImages: 5 });
    expect((await planRun([{ ...one, limit: null }]))[0]?.settings).not.toHaveProperty(
      "firstImages",
    );
    await expect(planRun([one, one])).rejects.toThrow(/two sets are called pope_small/);
  });

  test("the faults of all files are told at once", async () => {
    const broken = ["a", "b"].map((name) => join(folder, `${name}.jsonl`));
    for (const path of broken) await writeFile(path, '{"question_id": 1,');
    const images = join(folder, "images");
    const failure = planRun([data, ...broken].map((one) => ({ ...request, data: one, images })));
    await expect(failure).rejects.toThrow(
      /^a\.jsonl line 1: no valid.*\nb\.jsonl line 1: no valid/,
    );
  });

  test("an unknown rule and an unknown pocket set", async () => {
    await expect(planRun([{ ...request, data, images: "", rule: "mine" }])).rejects.toThrow(
      "rule: received mine; pope has pope, vcd, opera, first-word",
    );
    expect(() => pocketSuite("test", ["pope_rare"])).toThrow(
      "sets: received pope_rare; expected some of pope_random, pope_popular",
    );
  });

  test("the greedy baseline is run even when all else is sampled", () => {
    const methods = new Map(["regular", "vcd"].map((name) => [name, methodNamed(name)]));
    const series = planSeries({ methods, greedy: false, seeds: 1 });
    expect(series.map(({ method, seed }) => [method, seed])).toEqual([
      ["regular", null],
      ["regular", 0],
      ["vcd", 0],
    ]);
    expect(() => planSeries({ methods, greedy: false, seeds: 0 })).toThrow(/nothing to run/);
  });

  test("images get draws of their own under each seed, questions of an image share them", () => {
    expect(requestSeed(0, "a.png")).toBe(requestSeed(0, "a.png"));
    expect(requestSeed(0, "a.png")).not.toBe(requestSeed(0, "b.png"));
    expect(requestSeed(0, "a.png")).not.toBe(requestSeed(1, "a.png"));
    expect(Number.isSafeInteger(requestSeed(0, "a.png"))).toBe(true);
  });
});

test("progress in words", () => {
  const progress = { done: 120, total: 3000, answered: 20, set: "pope_random" };
  expect(progressText(progress, 4000)).toBe(
    "pope_random: 120 of 3000 answers, 5.0 a second, 10 min left",
  );
});
