import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AbortedError, InvalidArgumentError, ModelLoadError } from "../../../src/errors.js";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import { openAiEndpoint } from "../../../src/eval/endpoint/openai-endpoint.js";
import { evaluate } from "../../../src/eval/evaluate.js";
import { evaluateEndpoint } from "../../../src/eval/evaluate-endpoint.js";
import type { EvaluationRequest } from "../../../src/eval/evaluation.js";
import { rebuildReport } from "../../../src/eval/report/rebuild-report.js";
import { planRun } from "../../../src/eval/run/plan-run.js";
import { planSeries } from "../../../src/eval/run/plan-series.js";
import { methodFromText } from "../../../src/index.js";
import { seeingModel, smallRequest, writeSet } from "../small-run.js";
import { type Asked, reply, type ScriptedServer, scriptedServer } from "./scripted-server.js";

const KEY = "sk-0123456789";
let folder: string;
let data: string;
let bright: Buffer;
let server: ScriptedServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "endpoint-"));
  data = await writeSet(folder);
  bright = await readFile(join(folder, "images", "0.png"));
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  await rm(folder, { recursive: true });
});

/** Sees what the fake model sees, whose answers are cut after 16 letters. */
const seen = ({ prompt, image }: Asked) => {
  if (prompt.includes("person")) return "Yes, <b>there</b";
  return image?.equals(bright) ? "Yes" : "No";
};
const seeing = (asked: Asked) => {
  const yes = seen(asked).startsWith("Yes");
  reply.text(asked, seen(asked), { likeliest: { Yes: yes ? 0.9 : 0.1, " no": yes ? 0.1 : 0.9 } });
};

async function asking(script: (asked: Asked) => void) {
  server = await scriptedServer(script);
  return openAiEndpoint({ baseUrl: server.url, model: "m", apiKey: KEY, retries: 1, pauseMs: 1 });
}

/** A request by some methods, greedily. */
async function requestBy(methods: readonly string[], more: Partial<EvaluationRequest> = {}) {
  const named = new Map(methods.map((text) => [text, methodFromText(text)]));
  const series = planSeries({ methods: named, greedy: true, seeds: 0 });
  return smallRequest(folder, data, { methods: named, series, ...more });
}
const rows = async (name: string, out = "out") =>
  (await readFile(join(folder, out, name), "utf8"))
    .trim()
    .split("\n")
    .map((row) => JSON.parse(row));

test("POPE: the answers of a model, margins and controls, tokens, price and server in the report", async () => {
  const endpoint = await asking((asked) => {
    const likeliest = { Yes: 0.75, No: 0.25 };
    const usage = { prompt_tokens: 100, completion_tokens: 2 };
    reply.text(asked, seen(asked), { likeliest }, { usage, system_fingerprint: "fp_1" });
  });
  const request = await requestBy(["regular"]);
  const analysis = await evaluateEndpoint(endpoint, {
    ...request,
    prices: { input: 10, output: 100 },
  });
  await using model = seeingModel();
  const local = await evaluate(model, await requestBy(["regular"], { out: join(folder, "local") }));
  const answers = await rows("answers.jsonl");
  const texts = (all: { id: string; text: string }[]) => all.map(({ id, text }) => [id, text]);
  expect(texts(answers)).toEqual(texts(await rows("answers.jsonl", "local")));
  expect(analysis.sets[0]?.methods[0]?.figures).toEqual(local.sets[0]?.methods[0]?.figures);
  expect(answers[0]).toMatchObject({ margin: 1.0986, mass: 1 });
  expect(
    server!.asked.every(({ type, body }) => type === "image/png" && body.temperature === 0),
  ).toBe(true);
  expect(server!.mostAtOnce()).toBeLessThanOrEqual(4);
  expect(analysis.settings.model).toEqual({ id: "m", endpoint: server!.url });
  expect(analysis.sets[0]?.controls.map(({ method }) => method)).toEqual(["threshold", "olm"]);
  expect(analysis.endpoint).toEqual({
    usage: [
      {
        method: "regular",
        answers: 24,
        requests: 24,
        promptTokens: 2400,
        answerTokens: 48,
        price: 0.0288,
      },
    ],
    fingerprints: [{ value: "fp_1", answers: 24 }],
    margins: { known: 24, answers: 24 },
    unseeded: 0,
    empty: 0,
    unclear: 0,
  });
  const report = await readFile(join(folder, "out", "report.md"), "utf8");
  expect(report).toContain(`# Evaluation of m at ${server!.url}`);
  expect(report).toContain("| regular | 24 | 24 | 2400 | 48 | 0.0288 |");
  expect(report).toContain("fp_1 (24 answers)");
  expect(report).toContain("apc needs logits");

  // The same again asks nothing; a report made anew knows no prices.
  await evaluateEndpoint(endpoint, request);
  expect(server!.asked).toHaveLength(24);
  const again = await rebuildReport(join(folder, "out"), { benchmarks: [benchmarkNamed("pope")] });
  expect(again.endpoint?.usage[0]).toMatchObject({ requests: 24, price: null });
});

test("empty answers are told of: figures alone would hide them", async () => {
  const endpoint = await asking((asked) =>
    reply.text(asked, asked.prompt.includes("person") ? " " : seen(asked)),
  );
  const { endpoint: told } = await evaluateEndpoint(endpoint, await requestBy(["regular"]));
  const empty = server!.asked.filter(({ prompt }) => prompt.includes("person")).length;
  expect([empty > 0, told?.empty]).toEqual([true, empty]);
  expect(await readFile(join(folder, "out", "report.md"), "utf8")).toContain(
    `${empty} answers are empty`,
  );
});

test("seeds: each request has its own, of seed and image; fewer facts are told as they are", async () => {
  const endpoint = await asking((asked) => {
    if (asked.body.seed !== undefined && asked.prompt.includes("person")) {
      reply.refuse(asked, 422, { message: "seed: extra field" });
    } else reply.text(asked, seen(asked), {}, {});
  });
  const methods = new Map([["regular", methodFromText("regular")]]);
  const series = planSeries({ methods, greedy: false, seeds: 2 });
  const analysis = await evaluateEndpoint(endpoint, {
    ...(await requestBy(["regular"])),
    series,
    temperature: 0.7,
    topP: 0.9,
  });
  const sampled = server!.asked.filter(({ body }) => body.temperature === 0.7);
  expect(sampled.length).toBeGreaterThanOrEqual(48);
  expect(sampled.every(({ body }) => body.top_p === 0.9)).toBe(true);
  const seeds = server!.asked.flatMap(({ body }) => body.seed ?? []);
  expect(seeds.every((seed) => Number.isSafeInteger(seed))).toBe(true);
  const { endpoint: told } = analysis;
  expect(told).toMatchObject({ fingerprints: [], margins: { known: 0, answers: 72 } });
  expect(told?.usage[0]).toMatchObject({ promptTokens: null, answerTokens: null, price: null });
  expect(told?.unseeded).toBeGreaterThan(0);
  expect(analysis.sets[0]?.controls.map(({ method }) => method)).not.toContain("threshold");
  const report = await readFile(join(folder, "out", "report.html"), "utf8");
  expect(report).toContain("Of 72 yes/no answers of regular the server gave no log-probabilities");
  expect(report).toContain("it told no system_fingerprint");
  expect(report).toMatch(/refused a seed with \d+ answers/);
  expect(report).toContain("not told");
});

test("stopped and gone on with: the bytes of an undisturbed run", async () => {
  const endpoint = await asking(seeing);
  const methods = ["regular", "verify:mode=drop"];
  await evaluateEndpoint(endpoint, await requestBy(methods, { out: join(folder, "whole") }));
  for (const after of [3, 20, 30]) {
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => void (done >= after && stop.abort());
    const stopped = evaluateEndpoint(
      endpoint,
      await requestBy(methods, { signal: stop.signal, onProgress }),
    );
    await expect(stopped).rejects.toThrow(AbortedError);
    await expect(stopped).rejects.toThrow(/answers are stored; the same command goes on/);
  }
  await evaluateEndpoint(endpoint, await requestBy(methods));
  const bytes = (out: string) => readFile(join(folder, out, "answers.jsonl"), "utf8");
  expect(await bytes("out")).toBe(await bytes("whole"));
});

test("a wrong key ends the run at once, nothing is stored as failed; with the right one it goes on", async () => {
  const endpoint = await asking((asked) =>
    asked.request.headers.authorization === "Bearer right"
      ? seeing(asked)
      : reply.refuse(asked, 401, { message: "bad key" }),
  );
  await expect(evaluateEndpoint(endpoint, await requestBy(["regular"]))).rejects.toThrow(
    ModelLoadError,
  );
  expect(server!.asked.length).toBeLessThanOrEqual(4);
  expect(await readdir(join(folder, "out"))).not.toContain("failures.jsonl");
  const right = openAiEndpoint({ baseUrl: server!.url, model: "m", apiKey: "right" });
  const { sets } = await evaluateEndpoint(right, await requestBy(["regular"]));
  expect(sets[0]?.questions).toBe(24);
});

test("what fails for one image is stored as failed, told, and asked again on demand alone", async () => {
  const isBad = ({ prompt, attempt, image }: Asked) =>
    prompt.includes("dog") && !image?.equals(bright) && attempt <= 2;
  const endpoint = await asking((asked) => {
    if (isBad(asked) && server!.asked.length < 12)
      reply.refuse(asked, 400, { message: "image too large" });
    else seeing(asked);
  });
  await writeFile(join(folder, "images", "3.png"), "no image");
  const first = await evaluateEndpoint(endpoint, await requestBy(["regular"]));
  const errors = first.sets[0]!.failures.answers.map(({ error }) => error);
  expect(errors.some((error) => /status 400 \(image too large\)/.test(error))).toBe(true);
  expect(errors.some((error) => /3\.png: expected PNG, JPEG, WebP, GIF or BMP/.test(error))).toBe(
    true,
  );
  await writeFile(join(folder, "images", "3.png"), await readFile(join(folder, "images", "5.png")));
  const before = server!.asked.length;
  const { sets } = await evaluateEndpoint(
    endpoint,
    await requestBy(["regular"], { retryFailed: true }),
  );
  expect(server!.asked.length - before).toBe(errors.length);
  expect(sets[0]?.questions).toBe(24);
});

test("a key that the server sends back is in no file", async () => {
  const endpoint = await asking((asked) => {
    const { authorization } = asked.request.headers;
    if (asked.prompt.includes("person")) reply.refuse(asked, 400, { message: authorization });
    else reply.text(asked, `Yes ${authorization}`, {}, { system_fingerprint: authorization });
  });
  await evaluateEndpoint(endpoint, await requestBy(["regular"]));
  const out = join(folder, "out");
  const names = await readdir(out, { recursive: true, withFileTypes: true });
  const files = names.filter((one) => one.isFile());
  expect(files.length).toBeGreaterThan(8);
  for (const { parentPath, name } of files) {
    const text = await readFile(join(parentPath, name), "latin1");
    expect(text).not.toContain(KEY);
    if (name === "answers.jsonl") expect(text).toContain("Yes Bearer [key]");
  }
});

test("methods that need logits are refused by name, before anything is asked", async () => {
  const endpoint = await asking(seeing);
  for (const [method, reason] of [
    ["vcd", /^vcd: it needs the model's logits, which no endpoint gives; .*openai:pocket:vcd@/],
    ["apc", /^apc: it needs the model's logits/],
    ["verify", /^verify: mode rewrite goes on in the midst of an answer/],
    ["verify:mode=drop:method=vcd", /it carries vcd, which needs the model's logits/],
  ] as const) {
    const failing = evaluateEndpoint(endpoint, await requestBy(["regular", method]));
    await expect(failing).rejects.toThrow(InvalidArgumentError);
    await expect(failing).rejects.toThrow(reason);
  }
  expect(server!.asked).toEqual([]);
  expect(await readdir(folder)).not.toContain("out");
});

test("CHAIR with verify: sentences with what the server doubts itself are left out; every question is counted", async () => {
  const captions = ["A dog sits. A cat sleeps beside it.", "A bus. The bus is red."];
  const endpoint = await asking((asked) => {
    const { prompt, body } = asked;
    if (prompt === "Describe.") reply.text(asked, captions[body.seed! % 2] as string);
    else if (prompt.includes("cat")) reply.text(asked, "Hm", { likeliest: { Yes: 0.3, No: 0.6 } });
    else reply.text(asked, prompt.includes("dog") ? "Well." : "Yes.");
  });
  const images = join(folder, "images");
  const asked = ["0.png", "1.png", "2.png", "3.png"].map((image, question_id) =>
    JSON.stringify({ question_id, image, text: "Describe." }),
  );
  await mkdir(join(folder, "chair"));
  const [prompts, truth] = [join(folder, "chair", "p.jsonl"), join(folder, "chair", "t.json")];
  await writeFile(prompts, asked.join("\n"));
  const objects = ["0.png", "1.png", "2.png", "3.png"].map((name) => [name, ["dog", "bus"]]);
  await writeFile(truth, JSON.stringify(Object.fromEntries(objects)));
  const benchmark = benchmarkNamed("chair");
  const sets = await planRun([
    { benchmark, data: prompts, truth, images, rule: "chair", limit: null },
  ]);
  const analysis = await evaluateEndpoint(
    endpoint,
    await requestBy(["regular", "verify:mode=drop"], { sets }),
  );
  const given = await rows("answers.jsonl");
  const texts = new Set(given.map(({ method, text }) => `${method}: ${text}`));
  const cats = given.filter(
    ({ method, text }) => method === "regular" && text === captions[0],
  ).length;
  expect(texts).toEqual(
    new Set([
      ...(cats > 0 ? [`regular: ${captions[0]}`, "verify:mode=drop: A dog sits."] : []),
      ...(cats < 4
        ? captions.slice(1).flatMap((text) => [`regular: ${text}`, `verify:mode=drop: ${text}`])
        : []),
    ]),
  );
  expect(cats).toBeGreaterThan(0);
  const chair = analysis.sets[0]!.methods.map(({ figures }) => figures.chair_s?.value.value);
  expect(chair).toEqual([(100 * cats) / 4, 0]);
  // An answer, and a question for each object: dog and cat, or bus once.
  const [, verified] = analysis.endpoint!.usage;
  const requests = 4 + 2 * cats + (4 - cats);
  expect(verified).toMatchObject({ answers: 4, requests, promptTokens: 100 * requests });
  expect(analysis.endpoint!.unclear).toBe(cats);
  expect(await readFile(join(folder, "out", "report.md"), "utf8")).toContain(
    `${cats} questions of verify about objects had neither yes nor no`,
  );
});
