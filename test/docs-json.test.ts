import { execFile, type PromiseWithChild } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { adapterTensors, writeAdapter } from "./adapters.js";
import { main, model } from "./cli/groundsight.js";
import { reply, scriptedServer } from "./eval/endpoint/scripted-server.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}
const schemas = JSON.parse(read("docs/command-line.schema.json")) as Record<string, Schema>;
const guide = read("docs/command-line.md");

const image = `${root}pocket/bench/dev/images/dev_000008.png`;
let folder: string;
/** The options that name a small random checkpoint with an adapter merged into it. */
let tuned: string[];
let server: Server;
/** What the commands printed or wrote, by schema. */
const printed = new Map<string, unknown[]>();

async function groundsight(...args: string[]): Promise<string> {
  const run: PromiseWithChild<{ stdout: string }> = promisify(execFile)(
    process.execPath,
    [main, ...args],
    { cwd: root },
  );
  return (await run).stdout;
}
const json = async (...args: string[]): Promise<unknown> =>
  JSON.parse(await groundsight(...args, "--json"));
const rowsOf = (text: string): unknown[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);

/** What a script of a report's page hands over: `groundsightPage("name", content);`. */
const contentOf = (script: string): unknown =>
  JSON.parse(/^groundsightPage\("[\w-]+", (.*)\);\n$/s.exec(script)?.[1] ?? "no such script");

/** Writes values as JSONL, one alone as JSON. */
async function file(name: string, ...rows: unknown[]): Promise<string> {
  await writeFile(join(folder, name), rows.map((row) => JSON.stringify(row)).join("\n"));
  return join(folder, name);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "docs-json-"));
  const tensors = adapterTensors({ "model.layers.0.self_attn.q_proj": [96, 96] });
  tuned = [...model, "--adapter", await writeAdapter(join(folder, "adapter"), tensors)];
  const asked = [askAndCompare(), examine(), evaluateAndQuery(), score(), steer()];
  await Promise.all([...asked, index(), analyse()]);
  const objects = await file("objects.json", {
    "a.png": ["dog", "cat", "car"],
    "b.png": ["cup", "fork", "bus"],
  });
  printed.set("generate-pope", rowsOf(await groundsight("generate-pope", objects)));
}, 240_000);
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

async function askAndCompare(): Promise<void> {
  const few = ["--max-tokens", "4", "--stop", "elephant"];
  printed.set("ask", [
    await json("ask", image, "Is there a dog?", ...few),
    await json("ask", image, "Describe it.", ...few, "--logprobs", "2", "--method", "vcd"),
    await json("ask", image, "A dog?", ...tuned, ...few),
  ]);
  const methods = ["--methods", "regular,vcd", "--rounds", "1"];
  printed.set("compare", [
    await json("compare", image, "A dog?", ...methods, ...few),
    await json("compare", image, "A dog?", ...methods, ...few, ...tuned),
  ]);
  const trace = join(folder, "trace.json");
  const [, checkpoint] = model;
  printed.set("explain", [
    await json("explain", image, "Describe it.", ...few.slice(0, 2), "--out", trace),
    await json("explain", "A dog?", "--answer", "Yes", "--base", "none"),
    await json("explain", image, "A dog?", "--answer", "A giraffe.", "--map", "attention"),
    await json("explain", image, "A dog?", "--answer", "Yes", "--model", checkpoint!),
    JSON.parse(await readFile(trace, "utf8")),
  ]);
  printed.set("check", [
    await json("check", image, "A dog and a fork."),
    await json("check", image, "Nothing."),
  ]);
  printed.set("methods", [await json("methods"), await json("methods", "vti")]);
  printed.set("models", [await json("models")]);
  printed.set("models --devices", [await json("models", "--devices")]);
}

/** A checkpoint that is whole, and one that is not there. */
async function examine(): Promise<void> {
  const [, checkpoint, ...threads] = model;
  const broken = json("doctor", "./nowhere").catch(({ stdout }: { stdout: string }) =>
    JSON.parse(stdout),
  );
  printed.set("doctor", [await json("doctor", checkpoint!, ...threads), await broken]);
}

/** One run with groups of questions, an image that is none, and a judge that fails at its third verdict. */
async function evaluateAndQuery(): Promise<void> {
  let asked = 0;
  server = createServer((_, response) => {
    asked++;
    const content = `{"score": ${asked % 2 === 0 ? 1 : 5}, "reason": "so"}`;
    if (asked === 3) response.writeHead(400).end("{}");
    else response.end(JSON.stringify({ choices: [{ message: { content } }] }));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const question = { text: "What is it?", answer: "A dog.", rubric: ["dog"] };
  const data = await file(
    "open.jsonl",
    { question_id: 1, image: "room.png", type: "things", ...question },
    { question_id: 2, image: "bus.png", type: "colours", ...question },
    { question_id: 3, image: "broken.png", type: "things", ...question },
  );
  const images = join(folder, "images");
  await mkdir(images);
  await copyFile(image, join(images, "room.png"));
  await copyFile(`${root}pocket/bench/dev/images/dev_000145.png`, join(images, "bus.png"));
  await writeFile(join(images, "broken.png"), "no image");
  const sampled = ["--greedy", "--seeds", "2", "--temperature", "3", "--limit", "3"];
  const judge = ["--judge-url", `http://127.0.0.1:${port}`, "--judge-model", "fake"];
  const one = ["--judge-concurrency", "1", "--judge-retries", "0"];
  const asking = ["rubric", "--data", data, "--images", images, "--rule", "judge"];
  const out = join(folder, "runs", "judged");
  const args = ["eval", ...asking, ...tuned, ...sampled, ...judge, ...one, "--out", out];
  const report = await json(...args);
  expect(JSON.parse(await readFile(join(out, "report.json"), "utf8"))).toEqual(report);
  const described = [await captions(images, "pocket"), await captions(images, "random")];
  const chosen = await tuning(images);
  const hosted = await served(images);
  printed.set("eval", [report, await unjudged(images), ...described, chosen, hosted]);
  const runs = [out, ...["unjudged", "chosen", "served"].map((name) => join(folder, name))];
  const stored = (run: string, name: string) => readFile(join(run, name), "utf8");
  const settings = runs.map((run) => stored(run, "settings.json"));
  printed.set(
    "settings.json",
    (await Promise.all(settings)).map((text) => JSON.parse(text)),
  );
  const pages = [join(folder, "unjudged", "report-data"), join(out, "report-data")];
  const scripts = async (name: string) =>
    Promise.all(pages.map(async (page) => contentOf(await readFile(join(page, name), "utf8"))));
  printed.set("report-data/index.js", await scripts("index.js"));
  printed.set("report-data/answers-*.js", await scripts("answers-0-0.js"));
  const sources = runs.map((run) => stored(run, "sources.json"));
  printed.set(
    "sources.json",
    (await Promise.all(sources)).map((text) => JSON.parse(text)),
  );
  printed.set("failures.jsonl", rowsOf(await stored(out, "failures.jsonl")));
  for (const name of ["answers", "timings", "figures", "counts"].map((it) => `${it}.jsonl`)) {
    const texts = await Promise.all(runs.map((run) => stored(run, name)));
    printed.set(name, texts.flatMap(rowsOf));
  }

  const results = (...more: string[]) => json("results", join(folder, "runs"), ...more);
  printed.set("results", [await results()]);
  printed.set("results --figures", [await results("--figures")]);
  printed.set("results --compare", [await results("--compare", "judged", "judged", "--figures")]);
  printed.set("results --sql", [await results("--sql", "SELECT method, ms FROM timings")]);
}

/** A run with all controls, whose answers are no yes, so that a metric has no value. */
async function unjudged(images: string): Promise<unknown> {
  const question = { image: "room.png", text: "Is there a dog?", label: "yes" };
  const data = await file(
    "pope.jsonl",
    { question_id: 1, type: "animals", ...question },
    { question_id: 2, type: "things", ...question },
  );
  const asking = ["pope", "--data", data, "--images", images, "--rule", "vcd"];
  const asked = [...model, "--greedy", "--seeds", "2", "--controls", "--limit", "1"];
  return json("eval", ...asking, ...asked, "--out", join(folder, "unjudged"));
}

/** A run of a server that refuses seeds. */
async function served(images: string): Promise<unknown> {
  await using server = await scriptedServer((asked) => {
    const usage = { prompt_tokens: 9, completion_tokens: 1 };
    if (asked.body.seed !== undefined) reply.refuse(asked, 400, { param: "seed" });
    else reply.text(asked, "A cup.", {}, { usage, system_fingerprint: "fp" });
  });
  const question = { question_id: 1, image: "room.png", text: "Is there a cup?", label: "yes" };
  const asking = ["pope", "--data", await file("served.jsonl", question), "--images", images];
  const prices = ["--price-in", "1", "--price-out", "2"];
  const out = ["--out", join(folder, "served")];
  // Not before it has answered may the server be closed.
  return await json("eval", ...asking, "--model", `openai:m@${server.url}`, ...prices, ...out);
}

/** A setting tuned on one image, and tried on another. */
async function tuning(images: string): Promise<unknown> {
  const question = { text: "Is there a dog?", label: "yes" };
  const data = await file(
    "split.jsonl",
    { question_id: 1, image: "room.png", ...question },
    { question_id: 2, image: "bus.png", ...question },
  );
  const asking = ["pope", "--data", data, "--images", images, ...tuned];
  const tried = ["--method", "apc", "--try", "beta=0.1,0.5"];
  const split = ["--dev-share", "0.5", "--split-seed", "2"];
  const out = join(folder, "tuning");
  printed.set("tune", [await json("tune", ...asking, ...tried, ...split, "--out", out)]);
  const settings = ["--settings", join(out, "tuned.json"), "--out", join(folder, "chosen")];
  return json("eval", ...asking, ...settings);
}

/** Captions of a model that names objects, or of a random one that names none. */
async function captions(images: string, by: "pocket" | "random"): Promise<unknown> {
  const truth = await file("truth.json", { "room.png": ["cup"], "bus.png": ["bus"] });
  const prompts = ["room.png", "bus.png"].map((image, i) => ({
    question_id: i,
    image,
    text: "Describe the image.",
  }));
  const data = await file("prompts.jsonl", ...prompts);
  const asking = ["chair", "--data", data, "--truth", truth, "--images", images];
  const asked = by === "pocket" ? [] : model;
  const sampled = ["--methods", "regular", "--seeds", "2"];
  return json("eval", ...asking, ...asked, ...sampled, "--out", join(folder, by));
}

/** Answers of no one known, of one method, and of two. */
async function score(): Promise<void> {
  const question = { question_id: 1, image: "a.png", text: "Is there a dog?", label: "no" };
  const truth = await file("truth.jsonl", question, { ...question, question_id: 2 });
  const answers = (name: string, ...methods: (string | undefined)[]) =>
    file(
      name,
      ...methods.flatMap((method) =>
        [1, 2].map((question_id) => ({ question_id, text: "No", method })),
      ),
    );
  await mkdir(join(folder, "mme"));
  const tabs = async (name: string) => {
    const path = join(folder, "mme", name);
    await writeFile(path, "a.png\tIs it?\tYes\tYes\na.png\tNot?\tNo\tYes\n");
    return path;
  };
  const scored = async (path: string) => json("score", "pope", path, "--truth", truth);
  printed.set("score", [
    await scored(await answers("plain.jsonl", undefined)),
    await scored(await answers("one.jsonl", "vcd")),
    await scored(await answers("two.jsonl", "regular", "vcd")),
    await json("score", "mme", await tabs("existence.txt"), await tabs("code_reasoning.txt")),
    await json("score", "mme", join(folder, "mme")),
  ]);
}

async function steer(): Promise<void> {
  const dev = `${root}pocket/bench/dev`;
  const demos = (await readFile(join(dev, "demonstrations.jsonl"), "utf8")).split("\n").slice(0, 4);
  await writeFile(join(folder, "demos.jsonl"), demos.join("\n"));
  const controls = ["--controls", join(folder, "demos.jsonl")];
  const out = join(folder, "directions.safetensors");
  const fit = ["--demos", join(folder, "demos.jsonl"), "--images", join(dev, "images")];
  await groundsight("steer", "fit", ...fit, "--maskings", "1", ...controls, ...tuned, "--out", out);
  printed.set("steer inspect", [await json("steer", "inspect", out)]);
}

async function index(): Promise<void> {
  const samples = await file("samples.jsonl", { image: "dev_000008.png", text: "A cup." });
  const out = join(folder, "samples.index");
  const images = ["--images", `${root}pocket/bench/dev/images`];
  await groundsight("index", "build", samples, ...images, "--out", out, ...model);
  printed.set("index search", [await json("index", "search", out, image, ...model)]);
  const bench = `${root}pocket/bench/dev`;
  const captions = rowsOf(await readFile(join(bench, "captions.jsonl"), "utf8")).slice(0, 2);
  const run = join(folder, "misaligned");
  await groundsight(
    ...["eval", "chair", "--data", await file("few.jsonl", ...captions)],
    ...["--truth", join(bench, "objects_by_image.json"), "--images", join(bench, "images")],
    ...["--methods", "regular,vcd", "--greedy", "--noise-draws", "1"],
    ...["--out", run, ...model],
  );
  // What a random model says names nothing.
  const answers = rowsOf(await readFile(join(run, "answers.jsonl"), "utf8")) as {
    method: string;
    id: string;
  }[];
  const named = answers.map((row) => ({
    ...row,
    text:
      row.method === "regular" && row.id === "1"
        ? "A dog, a bowl that is red and a cup."
        : "A dog.",
  }));
  await writeFile(
    join(run, "answers.jsonl"),
    named.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
  const scenes = ["--scenes", join(bench, "scenes.json"), "--index", out, "--base", "self"];
  printed.set("diagnose misalignment", [
    await json("diagnose", "misalignment", run, ...scenes, ...model),
  ]);
}

/** An analysis of the papers, on two captions. */
async function analyse(): Promise<void> {
  const few = ["--limit", "2", "--threads", "1"];
  printed.set("diagnose", [await json("diagnose", "elbow", ...few)]);
}

/** The schema, of several, of what a value is. */
function schemaOf(value: unknown, schema: Schema): Schema {
  if (schema.anyOf === undefined) return schema;
  const isList = Array.isArray(value);
  return schema.anyOf.find((one) => (one.items !== undefined) === isList) ?? schema;
}

/** Paths of a value's fields, and of those that its schema does not name. Objects that are left open are free. */
function walk(value: unknown, whole: Schema, path = ""): { named: string[]; unnamed: string[] } {
  const { properties, additionalProperties, items } = schemaOf(value, whole);
  const entries: [string, unknown, Schema | undefined][] = Array.isArray(value)
    ? value.map((one) => [`${path}[]`, one, items])
    : typeof value !== "object" || value === null || (!properties && !additionalProperties)
      ? []
      : Object.entries(value).map(([key, one]) =>
          properties !== undefined && Object.hasOwn(properties, key)
            ? [`${path}.${key}`, one, properties[key]]
            : [`${path}.${additionalProperties ? "*" : key}`, one, additionalProperties],
        );
  const inner = entries.map(([at, one, schema]) =>
    schema === undefined ? { named: [], unnamed: [at] } : walk(one, schema, at),
  );
  const named = entries.flatMap(([at, , schema]) => (schema === undefined ? [] : [at]));
  return {
    named: [...named, ...inner.flatMap((one) => one.named)],
    unnamed: inner.flatMap((one) => one.unnamed),
  };
}

/** Paths of all fields that a schema names. */
function fieldsOf({ properties, items, additionalProperties, anyOf }: Schema, path = ""): string[] {
  const fields: [string, Schema | undefined][] = [
    ...Object.entries(properties ?? {}).map(([key, one]): [string, Schema] => [
      `${path}.${key}`,
      one,
    ]),
    [`${path}.*`, additionalProperties],
    [`${path}[]`, items],
  ];
  return [
    ...fields.flatMap(([at, one]) => (one === undefined ? [] : [at, ...fieldsOf(one, at)])),
    ...(anyOf ?? []).flatMap((one) => fieldsOf(one, path)),
  ];
}

/** What is printed only of a model on another device than the CPU, which few machines have, of alternatives that are a part of a character, of more captions than here, of a gain, of runs that are meant to differ (test/eval/results/results.test.ts), or of a benchmark of one's own (test/cli/own-module.test.ts). */
const ELSEWHERE =
  /\.(asked|promptVariant)$|^\.unclear$|\.module\b|\.device$|\.top\[\]\.bytes|\.frontier\.comparisons\[\]\.interval\.(low|high)$|^\.gains\[\]|^\[\]\.across\[\]$|^\.warnings\[\]$|^\.plots\[\]\.x\.domain/;

describe.each(Object.entries(schemas))("%s", (name, schema) => {
  test("is as its schema says, without a field besides", () => {
    const values = printed.get(name)!;
    expect(values).not.toEqual([]);
    for (const value of values) {
      z.fromJSONSchema(schema as never).parse(value);
      expect(walk(value, schema).unnamed).toEqual([]);
    }
  });

  test("its schema names nothing that is not printed", () => {
    const seen = new Set(printed.get(name)!.flatMap((value) => walk(value, schema).named));
    const absent = fieldsOf(schema).filter((path) => !seen.has(path) && !ELSEWHERE.test(path));
    expect(absent).toEqual([]);
  });

  test("every field has its row in the guide", () => {
    const names = fieldsOf(schema).map((path) => /[\w]+$/.exec(path)?.[0]);
    for (const field of names.filter((one) => one !== undefined))
      expect(guide).toMatch(new RegExp(`\\b${field}\\b`));
  });
});

test("every command with a flag --json has its schema", () => {
  const commands = readdirSync(`${root}src/cli`).flatMap((name) => {
    const source = read(`src/cli/${name}`);
    return source.includes('"--json"') ? [/new Command\("([\w-]+)"\)/.exec(source)![1]!] : [];
  });
  expect(commands.length).toBeGreaterThan(6);
  const documented = Object.keys(schemas).map((name) => name.split(" ").at(-1));
  expect(commands.filter((command) => !documented.includes(command))).toEqual([]);
});
