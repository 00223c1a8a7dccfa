import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Model } from "groundsight";
import { misalignmentOf, type SampleIndex, writeMisalignment } from "groundsight/diagnose";
import { benchmarkNamed, type JudgeTask, planRun } from "groundsight/eval";
import { fakeModel } from "groundsight/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "groundsight-misalignment-"));
afterAll(() => rmSync(folder, { recursive: true }));
const images = join(folder, "images");
const at = (name: string) => join(folder, name);
const write = (name: string, value: unknown) => {
  writeFileSync(at(name), typeof value === "string" ? value : JSON.stringify(value));
  return at(name);
};
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Without an image it says what the text suggests; it does not read files. */
const talking = fakeModel({
  respond: ({ brightness }) => (brightness === undefined ? " A cup that is red and a dog." : " A."),
});
const model = new Proxy(talking, {
  get: (target, key) => {
    const value: unknown = Reflect.get(target, key, target);
    if (key === "read") {
      const white = { data: new Uint8Array([255]), width: 1, height: 1, channels: 1 };
      const read: Model["read"] = (request, options) =>
        target.read({ ...request, image: white } as Parameters<Model["read"]>[0], options);
      return read;
    }
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const asked: [string, number | undefined][] = [];
const index = {
  facts: { images: 9 },
  nearest: async (image: string, k?: number) => {
    asked.push([image, k]);
    return [{ image: "x", similarity: 1, texts: ["Is it near a bus?", "a cat"] }];
  },
} as unknown as SampleIndex;

const CAPTIONS: Readonly<Record<string, readonly [string, string, string]>> = {
  regular: ["A cup that is red and a dog.", "A cup and a dog.", "A dog and a bus."],
  vdgd: ["A cup.", "A cup and a dog.", "A dog and a bus."],
};
/** What is asked about the colour of the cup in a.png, which is blue. */
const COLOURS: Readonly<Record<string, string>> = {
  regular: "The cup is red.",
  vdgd: "The cup is blue.",
};
const RELATIONS: Readonly<Record<string, string>> = { regular: "No", vdgd: "Yes" };

beforeAll(async () => {
  mkdirSync(images);
  const names = ["a.png", "b.png", "c.png"];
  const picture = new URL("../../../pocket/bench/dev/images/dev_000000.png", import.meta.url);
  for (const name of names) copyFileSync(fileURLToPath(picture), join(images, name));
  const truth = write("truth.json", {
    "a.png": ["cup"],
    "b.png": ["cup", "dog"],
    "c.png": ["dog"],
  });
  const cup = (colour: string) => ({ name: "cup", colour });
  write("scenes.json", {
    "a.png": { objects: [cup("blue")] },
    "b.png": { objects: [cup("red"), { name: "dog" }] },
    "c.png": { objects: [{ name: "dog" }] },
  });
  const row = (image: string, question_id: number) => ({ question_id, image, text: "What is it?" });
  const captions = write("captions.jsonl", jsonl(names.map(row)));
  const relation = { ...row("b.png", 1), label: "yes", type: "relation" };
  const relations = write("relations.jsonl", jsonl([relation]));
  const colour = {
    ...row("a.png", 1),
    object: "cup",
    answer: "blue",
    usual: "red",
    is_usual: false,
  };
  const colours = write("colours.jsonl", jsonl([colour]));
  const common = { images, limit: null };
  const sets = await planRun([
    { ...common, benchmark: benchmarkNamed("chair"), data: captions, truth, rule: "colour-aware" },
    {
      ...common,
      benchmark: benchmarkNamed("amber-discriminative"),
      data: relations,
      truth: null,
      rule: "exact",
    },
    {
      ...common,
      benchmark: benchmarkNamed("colours"),
      data: colours,
      truth: null,
      rule: "first-colour",
    },
  ]);
  mkdirSync(at("run"));
  write("run/settings.json", {
    version: "0.1.0",
    model: { id: "fake", hash: await model.hash(), dtype: "fp32" },
    promptSuffix: "",
    temperature: 0,
    topP: 1,
    sets: sets.map(({ settings }) => settings),
    series: Object.keys(CAPTIONS).map((method) => ({ method, settings: {}, seed: null })),
  });
  write("run/sources.json", [
    { name: "captions", data: captions, truth, images },
    { name: "relations", data: relations, truth: null, images },
    { name: "colours", data: colours, truth: null, images },
  ]);
  const answers = Object.keys(CAPTIONS).flatMap((method) => [
    ...CAPTIONS[method]!.map((text, i) => ({
      set: "captions",
      id: `${i}`,
      method,
      seed: null,
      text,
    })),
    { set: "relations", id: "1", method, seed: null, text: RELATIONS[method]! },
    { set: "colours", id: "1", method, seed: null, text: COLOURS[method]! },
  ]);
  write("run/answers.jsonl", jsonl(answers));
});

describe("a report of misalignment", () => {
  test("names what each method is wrong about, every phrase with its cause, and what causes are held against", async () => {
    const told: string[] = [];
    const report = await misalignmentOf(model, at("run"), {
      index,
      neighbours: 7,
      onProgress: (done, total) => told.push(`${done}/${total}`),
    });
    expect(told.at(-1)).toBe("8/8");
    // Once for each image with a phrase to explain.
    expect(asked).toEqual(["a.png", "b.png", "c.png"].map((name) => [join(images, name), 7]));
    expect(report.errors.map(({ method, of, wrong, n }) => [method, of, wrong, n])).toEqual([
      ["regular", "object", 2, 6],
      ["regular", "attribute", 2, 2],
      ["vdgd", "object", 1, 5],
      ["vdgd", "attribute", 0, 1],
      ["regular", "relation", 1, 1],
      ["vdgd", "relation", 0, 1],
    ]);
    const phrases = report.phrases.map(({ method, image, text, kind, cause, isLast }) => [
      method,
      image,
      kind,
      text,
      cause,
      isLast,
    ]);
    expect(phrases).toEqual([
      ["regular", "a.png", "attribute", "red", "language", false],
      ["regular", "a.png", "object", "dog", "language", true],
      ["regular", "c.png", "object", "bus", "instruction-tuning", true],
      ["vdgd", "c.png", "object", "bus", "instruction-tuning", true],
      // Asked about the cup, it is not its naming that is looked at.
      ["regular", "a.png", "attribute", "red", "vision", true],
    ]);
    expect(report.phrases[2]!.seenIn).toBe("Is it near a bus?");
    const figure = (method: string, cause: string) => {
      const {
        phrases: count,
        per100,
        against,
      } = report.causes.find((one) => one.method === method && one.cause === cause)!;
      return [count, per100, against?.difference ?? null];
    };
    expect(figure("regular", "language")).toEqual([2, 50, null]);
    expect(figure("vdgd", "language")).toEqual([0, 0, -50]);
    expect(figure("vdgd", "instruction-tuning")).toEqual([1, 25, 0]);
    expect(report.controls).toMatchObject({
      hallucinatedLanguage: { count: 1, n: 2 },
      // "cup" twice, "dog" in the second caption and the third: the text suggests the first cup's alone and its dog.
      trueLanguage: { n: 4 },
      hallucinatedSeen: { count: 1, n: 2 },
      // Absent and unnamed are the cup of c.png alone.
      absentSeen: { count: 0, n: 1 },
      strongestPartner: { count: 1, n: 2 },
      chanceOfPartner: 100,
      namedLast: { count: 2, n: 2 },
      usualColour: { count: 0, n: 2 },
    });
    expect(report.findings[0]).toBe(
      "regular: 4 hallucinated phrases in 4 answers: language 2, instruction-tuning 1, vision 1.",
    );
    expect(report.warnings).toEqual([expect.stringContaining("base ranks are an approximation")]);
    const written = await writeMisalignment(report, at("out"));
    expect(written.map((path) => path.slice(at("out/").length))).toEqual([
      "misalignment.json",
      "misalignment.svg",
    ]);
    expect(JSON.parse(readFileSync(written[0]!, "utf8"))).toEqual(report);
    expect(readFileSync(written[1]!, "utf8")).toContain("instruction-tuning");
  });

  test("without an index tells language alone, and says so", async () => {
    const report = await misalignmentOf(model, at("run"), { reference: "vdgd" });
    expect(report.phrases.map(({ cause }) => cause)).toEqual([
      "language",
      "language",
      null,
      null,
      null,
    ]);
    expect(report.causes.find((one) => one.cause === "untold")).toMatchObject({ phrases: 2 });
    expect(report.warnings[1]).toContain("without an index of tuning samples");
  });

  test("takes a judge's word for what is hallucinated, and rules' for what is true of the rest", async () => {
    const prompts: string[] = [];
    const judge = {
      name: "a judge",
      ask: async ({ prompt }: JudgeTask) => {
        prompts.push(prompt);
        // Of "A cup and a dog." nothing; without a verdict what holds a bus.
        if (prompt.includes("a bus")) throw new Error("the judge is asleep");
        const isWrong = prompt.includes("red and a dog");
        return JSON.stringify({ phrases: isWrong ? [{ text: "a dog", kind: "object" }] : [] });
      },
    };
    const cache = at("verdicts.jsonl");
    const report = await misalignmentOf(model, at("run"), { index, judge: { judge, cache } });
    // Equal answers to one question are judged once: six of eight.
    expect(prompts).toHaveLength(6);
    expect(prompts[0]).toContain("An image shows: cup (blue)\n");
    expect(report.settings.judge).toBe("a judge");
    expect(report.phrases.map(({ method, image, text }) => [method, image, text])).toEqual([
      ["regular", "a.png", "a dog"],
    ]);
    expect(report.warnings).toContain(
      "2 of 8 answers have no verdict, and none of their phrases counts",
    );
    expect(report.errors.map(({ method, of, wrong, n }) => [method, of, wrong, n])).toContainEqual([
      ...["regular", "object"],
      ...[1, 4],
    ]);
    prompts.length = 0;
    await misalignmentOf(model, at("run"), { index, judge: { judge, cache } });
    // What was judged is stored; what failed is asked again.
    expect(prompts).toHaveLength(1);
  });

  test("refuses another model, a method that is not there, and stops", async () => {
    const other = fakeModel({ contextLength: 64 });
    const hash = async () => "f".repeat(64);
    const foreign = new Proxy(other, {
      get: (target, key) => (key === "hash" ? hash : Reflect.get(target, key, target)),
    });
    await expect(misalignmentOf(foreign, at("run"))).rejects.toThrow(
      /a run of model fake .*--model/,
    );
    await expect(misalignmentOf(model, at("run"), { reference: "vti" })).rejects.toThrow(
      "reference: received vti; the run has regular, vdgd",
    );
    await expect(misalignmentOf(model, at("run"), { signal: AbortSignal.abort() })).rejects.toThrow(
      "stopped before causes were told",
    );
  });
});
