import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Check, type Diagnosis, diagnose, METHODS } from "../../../src/index.js";
import { CHECKPOINTS as TINY } from "../../checkpoints.js";
import { CHECKPOINTS } from "../../global-setup.js";
import { changeGraph, copyOf, removeCopy, renamed } from "./damage.js";

const pocket = fileURLToPath(new URL("../../../pocket/llava/", import.meta.url));
const present = existsSync(`${pocket}onnx/vision_encoder.onnx`);

const statusOf = ({ checks }: Diagnosis, name: string) =>
  checks.find((check) => check.name === name)!.status;
const detailOf = ({ checks }: Diagnosis, name: string) =>
  checks.find((check) => check.name === name)!.detail;

describe.each([
  ["concat", `${CHECKPOINTS}concat`, "fp32"],
  ["group-query", `${CHECKPOINTS}group-query`, "fp32"],
  ...(present
    ? ([
        ["pocket", "pocket", "fp32"],
        ["pocket in 8 bits", "pocket", "q8"],
      ] as const)
    : []),
] as const)("a checkpoint that is whole (%s)", (_, name, dtype) => {
  test("passes every check, runs every method and says what a token costs", async () => {
    const told: Check[] = [];
    const found = await diagnose(name, { dtype, threads: 1, onCheck: (check) => told.push(check) });
    expect(found.checks.filter(({ status }) => status !== "pass")).toEqual([]);
    expect(found).toMatchObject({ model: name, family: "llava", dtype, healthy: true });
    expect(told).toEqual(found.checks);
    expect(found.methods).toEqual(
      Object.keys(METHODS).map((method) => ({ name: method, runs: true, reason: null })),
    );
    const { cost } = found;
    expect(cost!.promptTokens).toBeGreaterThan(16);
    for (const value of Object.values(cost!)) expect(value).toBeGreaterThan(0);
    expect(detailOf(found, "stock-tokens")).toMatch(
      /^\d+ greedy tokens, the same as in transformers\.js$/,
    );
  });
});

describe.each([
  ["idefics3-concat", "fp32"],
  ["smolvlm-gqa", "fp32"],
  ["qwen2-vl-concat", "q4"],
  ["qwen2.5-vl-gqa", "q4"],
  ["qwen3-vl-gqa", "q4"],
] as const)("a checkpoint of another family that is whole (%s in %s)", (name, dtype) => {
  test("has no fault, runs every method, and answers as stock transformers.js from the same pixels", async () => {
    const found = await diagnose(`${TINY}${name}`, { dtype, threads: 1 });
    const others = found.checks.filter(({ status }) => status !== "pass");
    const isTiled = !name.startsWith("qwen");
    expect(others.map(({ name }) => name)).toEqual(isTiled ? ["stock-image"] : []);
    if (isTiled) {
      expect(statusOf(found, "stock-image")).toBe("skipped");
      expect(detailOf(found, "stock-image")).toMatch(/^transformers\.js resizes tiles without/);
    }
    expect(found.methods.filter(({ runs }) => !runs)).toEqual([]);
    const { reason } = found.methods.find(({ name }) => name === "vti")!;
    if (isTiled) expect(reason).toBeNull();
    else expect(reason).toMatch(/^without vision encoder: .* no fixed positions/);
    expect(detailOf(found, "stock-tokens")).toMatch(
      /^\d+ greedy tokens, the same as in transformers\.js$/,
    );
  });
});

test("where stock transformers.js cannot run a graph, the check says so, and nothing is printed", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const found = await diagnose(`${TINY}smolvlm-gqa`, { dtype: "fp16", threads: 1 });
  expect(found.healthy).toBe(true);
  expect(statusOf(found, "stock-tokens")).toBe("skipped");
  expect(detailOf(found, "stock-tokens")).toMatch(/^transformers\.js fails: Unexpected input data/);
  expect(printed).not.toHaveBeenCalled();
  printed.mockRestore();
});

let folder: string | undefined;
afterEach(async () => {
  if (folder !== undefined) await removeCopy(folder);
  folder = undefined;
});

describe("what cannot be looked at", () => {
  test("is skipped, with the check that it needs: a model that cannot be found has its report", async () => {
    const found = await diagnose("./nowhere/at-all");
    expect(found).toMatchObject({ folder: null, family: null, methods: [], cost: null });
    expect(found.healthy).toBe(false);
    expect(statusOf(found, "place")).toBe("fault");
    const others = found.checks.filter(({ name }) => name !== "place");
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set(["skipped"]));
    expect(detailOf(found, "files")).toBe("it needs config, which did not pass");
  });

  test("stock transformers.js is left out when it is not wanted", async () => {
    const found = await diagnose(`${CHECKPOINTS}concat`, { stock: false, threads: 1 });
    expect(found.healthy).toBe(true);
    const stock = found.checks.filter(({ name }) => name.startsWith("stock-"));
    expect(stock.map(({ status, detail }) => [status, detail])).toEqual(
      Array.from({ length: 3 }, () => ["skipped", "it was not asked for"]),
    );
  });

  test("layers without names are not steered, and vti says so", async () => {
    folder = await copyOf();
    await changeGraph(folder, "decoder_model_merged", (model) =>
      renamed(model, (name) => name.replaceAll("down_proj", "unknown")),
    );
    const found = await diagnose(folder, { threads: 1 });
    expect(found.healthy).toBe(true);
    expect(statusOf(found, "steering")).toBe("skipped");
    const refused = found.methods.filter(({ runs }) => !runs);
    expect(refused.map(({ name }) => name)).toEqual(["vti"]);
    const reason = /^decoder: looked for mlp\/down_proj or mlp\/fc2 .* found only others such as/;
    expect(refused[0]!.reason).toMatch(reason);
    expect(detailOf(found, "steering")).toMatch(reason);
  });
});

describe("options", () => {
  test("that are unknown, or wrong, are refused", async () => {
    await expect(diagnose("pocket", { worker: true } as object)).rejects.toThrow(/worker/);
    await expect(diagnose("pocket", { stok: false } as object)).rejects.toThrow(/stok/);
    await expect(diagnose("pocket", { dtype: "q3" as "q8" })).rejects.toThrow(/q3/);
  });

  test("a signal ends it", async () => {
    const signal = AbortSignal.abort("enough");
    await expect(diagnose(`${CHECKPOINTS}concat`, { signal })).rejects.toThrow(/aborted/);
  });
});
