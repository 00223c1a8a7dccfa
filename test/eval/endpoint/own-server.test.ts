import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAiEndpoint } from "../../../src/eval/endpoint/openai-endpoint.js";
import { evaluate } from "../../../src/eval/evaluate.js";
import { evaluateEndpoint } from "../../../src/eval/evaluate-endpoint.js";
import { planRun, type RunSet } from "../../../src/eval/run/plan-run.js";
import { planSeries } from "../../../src/eval/run/plan-series.js";
import { pocketSuite } from "../../../src/eval/run/pocket-suite.js";
import type { StoredAnswer } from "../../../src/eval/store/stored-rows.js";
import { load, type Model, methodFromText } from "../../../src/index.js";
import { createHandler, type Inference, localInference } from "../../../src/server/index.js";

let folder: string;
let model: Model;
let inference: Inference;
let server: Server;
let sets: RunSet[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "own-server-"));
  model = await load("pocket");
  inference = await localInference([model]);
  const fetch = createHandler(inference, { apiKeys: ["secret"] });
  server = createAdaptorServer({ fetch }) as Server;
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  sets = await planRun(pocketSuite("test", ["pope_random", "captions"], 2));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await inference.close();
  await rm(folder, { recursive: true });
});

async function answersOf(out: string): Promise<StoredAnswer[]> {
  const text = await readFile(join(folder, out, "answers.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((row) => JSON.parse(row) as StoredAnswer);
}

/** The run of a method by the model itself, and by a server of it. */
async function bothBy(name: string, method: string, asked: string, seeds: number) {
  const request = (text: string, out: string) => {
    const methods = new Map([[text, methodFromText(text)]]);
    const series = planSeries({ methods, greedy: true, seeds, noiseDraws: 1 });
    return { sets, methods, series, out: join(folder, out), version: "0" };
  };
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const endpoint = openAiEndpoint({ baseUrl, model: name, apiKey: "secret" });
  await evaluate(model, request(method, `${name} here`));
  const analysis = await evaluateEndpoint(endpoint, request(asked, `${name} there`));
  return {
    here: await answersOf(`${name} here`),
    there: await answersOf(`${name} there`),
    analysis,
  };
}
const texts = (answers: readonly StoredAnswer[]) =>
  answers.map(({ set, id, seed, text, finish }) => [set, id, seed, text, finish]);

test("a server of pocket gives pocket's own answers, greedy and sampled, with their margins", async () => {
  const { here, there, analysis } = await bothBy("pocket", "regular", "regular", 1);
  expect(here.length).toBeGreaterThan(6);
  expect(texts(there)).toEqual(texts(here));
  const margins = (answers: readonly StoredAnswer[]) =>
    answers.flatMap(({ margin }) => margin ?? []);
  expect(margins(there)).toHaveLength(margins(here).length);
  for (const [i, margin] of margins(there).entries()) {
    expect(margin).toBeCloseTo(margins(here)[i]!, 1);
  }
  expect(analysis.endpoint?.fingerprints).toHaveLength(1);
  expect(analysis.endpoint?.usage[0]?.promptTokens).toBeGreaterThan(1000);
});

test("a method behind the model's name decodes as it does here", async () => {
  const { here, there } = await bothBy("pocket:vcd", "vcd", "regular", 0);
  expect(texts(there)).toEqual(texts(here));
});

test("verify over the endpoint drops what verify drops here", async () => {
  const { here, there } = await bothBy("pocket:regular", "verify:mode=drop", "verify:mode=drop", 0);
  expect(texts(there)).toEqual(texts(here));
});
