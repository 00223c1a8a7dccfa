import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { DatasetError } from "../../src/errors.js";
import { benchmarkNamed } from "../../src/eval/benchmarks/registry.js";
import type { EvaluationRequest } from "../../src/eval/evaluation.js";
import { planRun } from "../../src/eval/run/plan-run.js";
import { planSeries } from "../../src/eval/run/plan-series.js";
import { type GenerateRequest, type Model, methodNamed } from "../../src/index.js";
import { fakeModel } from "../../src/testing/fake-model.js";

const IMAGES = 12;

/** A fake model that sees a dog in bright images, but always says yes to "person". */
export function seeingModel(): Model {
  const model = fakeModel({
    respond: ({ prompt, brightness = 0 }) => {
      if (prompt.includes("person")) return "Yes, <b>there</b> is.";
      return brightness > 0.5 ? "Yes" : "No";
    },
  });
  const generateSettled: Model["generateSettled"] = async (requests, options) => {
    const opened = await Promise.allSettled(requests.map(withPixels));
    const whole = opened.flatMap((one, index) =>
      one.status === "fulfilled" ? [{ request: one.value, index }] : [],
    );
    const answers = await model.generateSettled(
      whole.map(({ request }) => request),
      { ...options, onAnswer: (answer, i) => options?.onAnswer?.(answer, whole[i]!.index) },
    );
    return opened.map((one, index) =>
      one.status === "rejected" ? one : answers[whole.findIndex((w) => w.index === index)]!,
    );
  };
  return new Proxy(model, {
    get: (target, key) => {
      if (key === "generateSettled") return generateSettled;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The fake model does not read files. */
async function withPixels(request: GenerateRequest): Promise<GenerateRequest> {
  const { data, info } = await sharp(request.image as string)
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new DatasetError(`image ${request.image}: cannot be decoded`, { cause });
    });
  return { ...request, image: { data, width: info.width, height: info.height, channels: 1 } };
}

/** Writes a small POPE set with its images. */
export async function writeSet(folder: string): Promise<string> {
  const images = join(folder, "images");
  await mkdir(images, { recursive: true });
  const rows: string[] = [];
  for (let i = 0; i < IMAGES; i++) {
    const bright = i % 2 === 0;
    const background = bright ? "#ffffff" : "#101010";
    await sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toFile(join(images, `${i}.png`));
    for (const [object, label] of [
      ["dog", bright ? "yes" : "no"],
      ["person", i < 4 ? "yes" : "no"],
    ]) {
      const text = `Is there a ${object} in the image?`;
      rows.push(JSON.stringify({ question_id: rows.length, image: `${i}.png`, text, label }));
    }
  }
  const path = join(folder, "pope_small.jsonl");
  await writeFile(path, rows.join("\n"));
  return path;
}

/** A request to evaluate that set with three methods, greedily and with seeds. */
export async function smallRequest(
  folder: string,
  data: string,
  more: Partial<EvaluationRequest> = {},
): Promise<EvaluationRequest> {
  const benchmark = benchmarkNamed("pope");
  const images = join(folder, "images");
  const sets = await planRun([{ benchmark, data, truth: null, images, rule: "pope", limit: null }]);
  const methods = new Map(["regular", "apc", "vcd"].map((name) => [name, methodNamed(name)]));
  return {
    sets,
    methods,
    series: planSeries({ methods, greedy: true, seeds: 2, noiseDraws: 1 }),
    temperature: 1,
    topP: 1,
    promptSuffix: "",
    out: join(folder, "out"),
    version: "0.0.0",
    batchSize: 4,
    ...more,
  };
}
