/** Analyses that are stopped and go on, on a fake model. */
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataFolder } from "../../../src/diagnose/analyses/data-folder.js";
import { elbow } from "../../../src/diagnose/analyses/elbow.js";
import { noise } from "../../../src/diagnose/analyses/noise.js";
import {
  type RunAnalysisOptions,
  runAnalysis,
} from "../../../src/diagnose/analyses/run-analysis.js";
import type { Analysis, AnalysisResult } from "../../../src/diagnose/contract/analysis.js";
import { AbortedError, DatasetError } from "../../../src/errors.js";
import { fakeModel } from "../../../src/testing/index.js";
import { BRIGHT, benchFolder } from "./bench-folder.js";

const names = ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"];
let folder: string;
let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "kept-"));
  folder = await benchFolder([], {
    "objects_by_image.json": Object.fromEntries(names.map((name) => [name, ["cat"]])),
    "captions.jsonl": names.map((image, i) => ({ image, text: `Describe image ${i}.` })),
    "pope_adversarial.jsonl": names.flatMap((image, i) => [
      { image, text: `Is there a cat in image ${i}?`, label: "yes" },
      { image, text: `Is there a dog in image ${i}?`, label: "no" },
    ]),
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(out, { recursive: true });
});

/** An analysis, and how many tokens the model was asked for. */
async function run(
  analysis: Analysis,
  options: Omit<RunAnalysisOptions, "model" | "data"> = {},
): Promise<AnalysisResult & { asked: number }> {
  let asked = 0;
  await using model = fakeModel({
    respond: ({ prompt, brightness }) => {
      asked++;
      if (prompt.includes("Describe")) return brightness! > 0.35 ? "A cat and a dog." : "A dog.";
      return prompt.includes("cat") ? "Yes" : "No";
    },
  });
  const data = openDataFolder(folder, { images: BRIGHT });
  return { ...(await runAnalysis(analysis, { model, data, ...options })), asked };
}

test.each([
  [noise, { steps: 2 }, 30],
  [elbow, {}, 8],
] as const)(
  "$name goes on where it was stopped, with the same figures",
  async (analysis, settings, at) => {
    const whole = await run(analysis, { settings });
    const keepIn = join(out, "new", `${analysis.name}.work.jsonl`);
    const stop = new AbortController();
    const stopped = run(analysis, {
      settings,
      keepIn,
      signal: stop.signal,
      onProgress: (done) => {
        if (done === at) stop.abort();
      },
    });
    await expect(stopped).rejects.toThrow(AbortedError);
    await expect(stopped).rejects.toThrow(
      `${keepIn} keeps what is done, and the same command goes on`,
    );
    // As a killed process leaves it.
    await appendFile(keepIn, '{"key":"ab');
    const steps: number[] = [];
    const rest = await run(analysis, { settings, keepIn, onProgress: (done) => steps.push(done) });
    const { asked, ...figures } = rest;
    expect({ ...whole, asked }).toEqual({ ...figures, asked });
    expect(asked).toBeLessThan(0.7 * whole.asked);
    expect(steps).toEqual(steps.map((_, i) => i + 1));
    await expect(readFile(keepIn)).rejects.toThrow("ENOENT");
  },
);

test("other settings are other work, and what is no such file stays as it is", async () => {
  const keepIn = join(out, "elbow.work.jsonl");
  const stop = new AbortController();
  const onProgress = (done: number) => {
    if (done === 10) stop.abort();
  };
  const stopped = run(elbow, { keepIn, signal: stop.signal, onProgress });
  await expect(stopped).rejects.toThrow(AbortedError);
  const settings = { candidates: 5 };
  const { asked: _, ...figures } = await run(elbow, { settings, keepIn });
  const { asked: __, ...anew } = await run(elbow, { settings });
  expect(figures).toEqual(anew);
  await appendFile(keepIn, '{"other":1}\n');
  await expect(run(elbow, { keepIn })).rejects.toThrow(DatasetError);
  expect(await readFile(keepIn, "utf8")).toBe('{"other":1}\n');
});
