import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DatasetError } from "../../../src/errors.js";
import { pope } from "../../../src/eval/benchmarks/pope.js";
import { compareRuns } from "../../../src/eval/results/compare-runs.js";
import { ACROSS } from "../../../src/eval/results/run-differences.js";
import type { RunSettings, SetSettings } from "../../../src/eval/store/run-settings.js";

const benchmarks = [pope];
let folder: string;
let runs = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "compare-runs-"));
});
afterAll(() => rm(folder, { recursive: true }));

const set = {
  name: "pope_tiny",
  benchmark: "pope",
  rule: "pope",
  data: "aa",
  truth: null,
  questions: 9,
  maxTokens: 8,
};
const vcd = { method: "vcd", seed: null, settings: { alpha: 1 } };
const settings: RunSettings = {
  version: "1.0.0",
  model: { id: "one", hash: "h1", dtype: "fp32" },
  promptSuffix: "",
  temperature: 1,
  topP: 1,
  sets: [set],
  series: [{ method: "regular", seed: null, settings: {} }, vcd],
};

interface ToldCounts {
  /** Cell of the answer about each image, by method. */
  readonly cells: Readonly<Record<string, readonly string[]>>;
  /** Digest of the questions about the last image. */
  readonly last?: string;
}

async function runOf(of: RunSettings, counts: ToldCounts | null): Promise<string> {
  const run = join(folder, `${runs++}`);
  await mkdir(run);
  await writeFile(join(run, "settings.json"), JSON.stringify(of));
  if (counts === null) return run;
  const lines = Object.entries(counts.cells).flatMap(([method, cells]) =>
    cells.map((cell, image) => {
      const questions = image === cells.length - 1 ? (counts.last ?? "q") : "q";
      const own = { counts: { [cell]: 1, asked: 1, negatives: 1 }, behaviour: { [cell]: 1 } };
      const key = { set: of.sets[0]?.name, method, decoding: "greedy", cluster: `${image}.png` };
      return `${JSON.stringify({ ...key, questions, ...own })}\n`;
    }),
  );
  await writeFile(join(run, "counts.jsonl"), lines.join(""));
  return run;
}

const wrong = Array<string>(9).fill("fp");
const right = Array<string>(9).fill("tn");

test("differences by image with interval, p-value and Holm's correction, as worked by hand", async () => {
  const first = await runOf(settings, { cells: { regular: wrong, vcd: right, apc: right } });
  const second = await runOf(settings, { cells: { regular: right, vcd: right }, last: "other" });
  const { figures, across, unpaired } = await compareRuns([first, second], { benchmarks });
  expect(across).toEqual([]);
  expect(unpaired).toEqual([`only in ${first}: pope_tiny, apc, greedy`]);
  expect(figures).toHaveLength(2);
  // The ninth image was asked about otherwise. In the others regular becomes right: all 8 have one sign in 2 of 2^8
  // cases, and Clopper and Pearson's q = 1 - 0.025^(1/8) = 0.3694 of a range of 2 may be otherwise.
  expect(figures[0]).toMatchObject({
    set: "pope_tiny",
    method: "regular",
    decoding: "greedy",
    metric: "accuracy",
    unit: "share",
    ...{ first: 0, second: 1, difference: 1, high: 1, p: 2 / 2 ** 8, adjusted_p: 4 / 2 ** 8 },
    ...{ shown: true, images: 8, left_out: 1 },
  });
  expect(figures[0]?.low).toBeCloseTo(1 - 2 * 0.3694, 4);
  expect(figures[1]).toMatchObject({ method: "vcd", difference: 0, p: 1, adjusted_p: 1 });
  expect(figures[1]?.shown).toBe(false);
  const all = await compareRuns([first, second], { benchmarks, figures: "all" });
  // No answer of vcd says yes: without true ones there is no precision, and no difference.
  const precision = all.figures.find((one) => one.method === "vcd" && one.metric === "precision");
  expect(precision).toMatchObject({ second: null, difference: null, low: null, p: null });
  expect(all.figures.map(({ metric }) => metric)).toContain("yes_bias");
});

test("controls that were decoded are compared with nothing, and corrected with nothing", async () => {
  const runs = [wrong, right].map((regular) =>
    runOf(settings, { cells: { regular, pba: regular } }),
  );
  const [first, second] = await Promise.all(runs);
  const { figures, unpaired } = await compareRuns([first!, second!], { benchmarks });
  expect(unpaired).toEqual([]);
  expect(figures).toMatchObject([{ method: "regular", adjusted_p: 2 / 2 ** 9 }]);
});

const [other] = settings.sets;
const unlike: [string, Partial<RunSettings>, string][] = [
  [
    "checkpoint",
    { model: { id: "two", hash: "h2", dtype: "fp32" } },
    'model.hash was "h1", is "h2"',
  ],
  [
    "device",
    { model: { ...settings.model, device: "cuda" } },
    'model.device was nothing, is "cuda"',
  ],
  ["version", { version: "1.1.0" }, 'version was "1.0.0", is "1.1.0"'],
  ["decoding", { temperature: 0.5 }, "temperature was 1, is 0.5"],
  ["decoding", { sets: [{ ...set, maxTokens: 9 }] }, "sets.pope_tiny.maxTokens was 8, is 9"],
  [
    "decoding",
    { series: [vcd, { ...vcd, draw: 1 }] },
    'draws of vcd (greedy) was "noise 0", is "noise 0, noise 1"',
  ],
  ["prompt", { promptSuffix: " So?" }, 'promptSuffix was "", is " So?"'],
  [
    "prompt",
    { sets: [{ ...set, name: "pope_tiny-short", promptVariant: "short" }] },
    'sets.pope_tiny.promptVariant was nothing, is "short"',
  ],
  ["rules", { sets: [{ ...set, rule: "vcd" }] }, 'sets.pope_tiny.rule was "pope", is "vcd"'],
  ["methods", { series: [{ ...vcd, settings: { alpha: 2 } }] }, "methods.vcd.alpha was 1, is 2"],
];

test.each(unlike)(
  "runs that differ in %s, unless that is meant: %j",
  async (name, change, text) => {
    const cells = { vcd: right };
    const first = await runOf(settings, { cells });
    const second = await runOf({ ...settings, ...change }, { cells });
    const others = ACROSS.filter((one) => one !== name);
    const refused = compareRuns([first, second], { benchmarks, across: others });
    await expect(refused).rejects.toThrow(DatasetError);
    await expect(refused).rejects.toThrow(`\n  ${name}: `);
    await expect(refused).rejects.toThrow(text);
    await expect(refused).rejects.toThrow(`(--across ${name})`);
    const across = ACROSS.filter((one) => one === name);
    const meant = await compareRuns([first, second], { benchmarks, across });
    expect(meant.across).toContain(`${name}: ${text}`);
    expect(meant.figures).toHaveLength(1);
  },
);

test.each<[string, Partial<SetSettings>]>([
  ["data", { data: "bb" }],
  ["truth", { truth: "cc" }],
  ["firstImages", { firstImages: 3 }],
  ["split", { split: { part: "dev", seed: 0, share: 0.2 } }],
])("runs over other questions (%s) are never compared", async (name, change) => {
  const cells = { vcd: right };
  const first = await runOf(settings, { cells });
  const second = await runOf({ ...settings, sets: [{ ...other!, ...change }] }, { cells });
  const refused = compareRuns([first, second], { benchmarks, across: ACROSS });
  await expect(refused).rejects.toThrow(
    new RegExp(`questions: sets.pope_tiny.${name} was .*\nOnly answers to the same questions`),
  );
});

test("the same checkpoint from another folder is the same", async () => {
  const cells = { vcd: right };
  const moved = { ...settings, model: { ...settings.model, id: "/elsewhere" } };
  const pair = [await runOf(settings, { cells }), await runOf(moved, { cells })] as const;
  expect((await compareRuns(pair, { benchmarks })).figures).toHaveLength(1);
});

test("a server is its address and the model's name there; its key and query are no part of a run", async () => {
  const cells = { vcd: right };
  const model = { id: "m", endpoint: "https://host/v1" };
  const first = await runOf({ ...settings, model }, { cells });
  const same = await runOf({ ...settings, model }, { cells });
  expect((await compareRuns([first, same], { benchmarks })).figures).toHaveLength(1);
  const elsewhere = { ...model, endpoint: "https://other/v1" };
  const second = await runOf({ ...settings, model: elsewhere }, { cells });
  await expect(compareRuns([first, second], { benchmarks })).rejects.toThrow(
    'checkpoint: model.endpoint was "https://host/v1", is "https://other/v1"',
  );
  const checkpoint = await runOf(settings, { cells });
  await expect(compareRuns([first, checkpoint], { benchmarks })).rejects.toThrow(
    'model.hash was nothing, is "h1"',
  );
});

test("runs without counts, with damaged ones, or with nothing in common", async () => {
  const first = await runOf(settings, { cells: { vcd: right } });
  const compared = async (second: string) => compareRuns([first, second], { benchmarks });
  await expect(compared(await runOf(settings, null))).rejects.toThrow(
    /no counts\.jsonl.*finish the run .*\(groundsight report\)/,
  );
  await expect(compared(await runOf(settings, { cells: { regular: right } }))).rejects.toThrow(
    /no set with a method that both decoded alike/,
  );
  const damaged = await runOf(settings, null);
  await writeFile(join(damaged, "counts.jsonl"), '{"set":"po');
  await expect(compared(damaged)).rejects.toThrow(/counts\.jsonl line 1: no counts of an image/);
});
