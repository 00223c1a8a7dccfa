import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { evaluate } from "../../../src/eval/evaluate.js";
import { decodingCost } from "../../../src/eval/report/decoding-cost.js";
import { figuresTable } from "../../../src/eval/report/report-tables.js";
import type { RunAnalysis } from "../../../src/eval/report/run-analysis.js";
import type { Answer, Model } from "../../../src/index.js";
import { seeingModel, smallRequest, writeSet } from "../small-run.js";

let folder: string;
let data: string;
let analysis: RunAnalysis;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cost-"));
  data = await writeSet(folder);
  await using model = timedModel();
  analysis = await evaluate(model, await smallRequest(folder, data));
});
afterAll(() => rm(folder, { recursive: true }));

/** The first batch about an image pays 900 ms for encoding it; a token costs 20 ms with vcd, else 10 ms. */
function timedModel(): Model {
  const model = seeingModel();
  const encoded = new Set<unknown>();
  const generateSettled: Model["generateSettled"] = (requests, options) => {
    const first = !encoded.has(requests[0]?.image);
    for (const { image } of requests) encoded.add(image);
    const timed = (answer: Answer): Answer => {
      const msPerToken = answer.method.name === "vcd" ? 20 : 10;
      const decodeMs = msPerToken * answer.usage.generatedTokens;
      const before = { imageMs: first ? 800 : 0, prefillMs: first ? 100 : 5 };
      const totalMs = before.imageMs + before.prefillMs + decodeMs;
      return { ...answer, timings: { ...before, decodeMs, msPerToken, totalMs } };
    };
    return model.generateSettled(requests, {
      ...options,
      onAnswer: (answer, index) => options?.onAnswer?.(timed(answer), index),
    });
  };
  return new Proxy(model, {
    get: (target, key) =>
      key === "generateSettled" ? generateSettled : Reflect.get(target, key, target),
  });
}

const costs = ({ sets }: RunAnalysis, decoding: string) =>
  Object.fromEntries(
    sets[0]!.methods
      .filter((one) => one.decoding === decoding)
      .map(({ method, cost }) => [method, cost?.msPerToken]),
  );

test("a method costs what its decoding costs, whoever came first", () => {
  expect(costs(analysis, "greedy")).toEqual({ regular: 10, apc: 10, vcd: 20 });
  expect(costs(analysis, "sampling")).toEqual({ regular: 10, apc: 10, vcd: 20 });
});

test("the column says what is timed, and beside how many other answers", () => {
  const [header, first] = figuresTable(analysis.sets[0]!);
  expect(header?.at(-1)).toBe("decoding, ms a token in batches of 4");
  expect(first?.at(-1)).toBe("10.0");
});

test("timings stored before the time of decoding was kept are read, and the column is left out", async () => {
  const path = join(folder, "out", "timings.jsonl");
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  expect(JSON.parse(lines[0]!)).toMatchObject({ ms: 930, decodeMs: 30, tokens: 3, batch: 4 });
  const old = lines.map((line) => {
    const { decodeMs, batch, ...rest } = JSON.parse(line);
    return JSON.stringify(rest);
  });
  await writeFile(path, `${old.join("\n")}\n{"set":"cut by a cr`);
  await using model = timedModel();
  const again = await evaluate(model, await smallRequest(folder, data));
  expect(again.sets[0]?.methods.map(({ cost }) => cost)).toEqual(Array(6).fill(null));
  expect(figuresTable(again.sets[0]!)[0]?.at(-1)).toBe("n");
});

test("hand-worked: the median over answers with tokens; the largest batch", () => {
  const timing = (decodeMs: number, tokens: number, batch: number) => ({
    set: "s",
    id: "1",
    method: "m",
    seed: null,
    ms: 1000,
    decodeMs,
    tokens,
    batch,
  });
  const timings = [timing(30, 3, 8), timing(40, 2, 8), timing(5, 0, 8), timing(90, 3, 2)];
  expect(decodingCost(timings)).toEqual({ msPerToken: 20, batch: 8 });
  expect(decodingCost([timing(5, 0, 8)])).toBeNull();
});
