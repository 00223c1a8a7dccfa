import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METHODS } from "groundsight";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { adapterTensors, writeAdapter } from "../adapters.js";
import { groundsight, main, model } from "./groundsight.js";

let folder: string;
let image: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-"));
  image = join(folder, "image.png");
  const noise = Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 97) % 256));
  await sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
    .png()
    .toFile(image);
});
afterAll(() => rm(folder, { recursive: true }));

describe("ask", () => {
  test("prints the answer, and how it came about beside it", () => {
    const { status, stdout, stderr } = groundsight(
      "ask",
      image,
      "What is this?",
      ...model,
      "--max-tokens",
      "6",
    );
    expect(status).toBe(0);
    expect(stdout.trim()).not.toBe("");
    expect(stderr).toMatch(
      /^regular: 6 tokens in \d+ ms, [\d.]+ ms per token, cut at the limit of tokens\n$/,
    );
  });

  test("prints JSON with every documented field", () => {
    const { status, stdout, stderr } = groundsight(
      "ask",
      image,
      "What is this?",
      ...model,
      "--max-tokens",
      "4",
      "--method",
      "vcd",
      "--alpha",
      "2",
      "--seed",
      "3",
      "--logprobs",
      "2",
      "--json",
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const answer = JSON.parse(stdout);
    expect(Object.keys(answer)).toEqual([
      "model",
      "image",
      "images",
      "question",
      "text",
      "tokens",
      "finishReason",
      "usage",
      "timings",
      "method",
      "seed",
      "details",
      "decoding",
      "checkpoint",
      "hash",
      "version",
    ]);
    expect(answer.method).toEqual({
      name: "vcd",
      settings: { alpha: 2, beta: 0.1, noiseStep: 500 },
    });
    expect(answer).toMatchObject({
      seed: 3,
      finishReason: "length",
      image,
      images: [image],
      question: "What is this?",
    });
    expect(answer.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.version).toBe(packageJson.version);
    expect(answer.tokens).toHaveLength(4);
    expect(answer.tokens[0].top).toHaveLength(2);
    const again = groundsight(
      "ask",
      image,
      "What is this?",
      ...model,
      "--max-tokens",
      "4",
      "--method",
      "vcd:alpha=2",
      "--seed",
      "3",
      "--json",
    );
    expect(JSON.parse(again.stdout).text).toBe(answer.text);
  });

  test("lists log-probabilities", () => {
    const { stdout } = groundsight(
      "ask",
      image,
      "What?",
      ...model,
      "--max-tokens",
      "3",
      "--logprobs",
    );
    expect(
      stdout
        .trim()
        .split("\n")
        .filter((line) => /^".*" -\d+\.\d{3}$/.test(line.trim())),
    ).toHaveLength(3);
  });
});

describe("--adapter", () => {
  const asked = (...args: string[]) => {
    const { status, stdout, stderr } = groundsight(
      ...["ask", image, "What is this?", ...args, "--max-tokens", "8", "--json"],
    );
    return { status, stderr, answer: stdout === "" ? undefined : JSON.parse(stdout) };
  };

  test("merges an adapter, names it, and a variant is the same model", async () => {
    const up = adapterTensors({ "model.language_model.layers.1.mlp.up_proj": [96, 128] });
    const base = { base_model_name_or_path: model[1] };
    const adapter = await writeAdapter(join(folder, "tuned"), up, base);
    const { status, answer } = asked(...model, "--adapter", adapter);
    expect(status).toBe(0);
    expect(answer.checkpoint).toEqual({ id: model[1], dtype: "fp32", adapter });
    const plain = asked(...model).answer;
    expect(plain.checkpoint).toEqual({ id: model[1], dtype: "fp32" });
    expect(answer.text).not.toBe(plain.text);
    expect(answer.hash).not.toBe(plain.hash);
    const variant = asked("--model", adapter, "--threads", "1").answer;
    expect([variant.text, variant.hash]).toEqual([answer.text, answer.hash]);
  });

  test("refuses what is none, in a line", async () => {
    const { status, stderr } = asked(...model, "--adapter", folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^groundsight: adapter: .* has no adapter_config.json; expected [^\n]+\n$/,
    );
  });
});

describe("compare", () => {
  test("shows each method with its time, and marks what differs from the first", () => {
    const { status, stdout } = groundsight(
      "compare",
      image,
      "What is this?",
      ...model,
      "--max-tokens",
      "8",
      "--methods",
      "regular,regular,vcd:alpha=5:beta=0:noiseStep=999",
    );
    expect(status).toBe(0);
    const [question, first, again, contrasted, legend] = stdout.trim().split("\n\n");
    expect(legend).toMatch(
      /^Times: medians of \d+ rounds .* image \d+ ms, prompt \d+ ms\. x: .* relative to regular, /,
    );
    expect(question).toBe("What is this?");
    expect(first).toMatch(/^regular {2}[\d.]+ ms per token, x1\.00\n/);
    expect(again).not.toContain("[");
    expect(contrasted).toMatch(/^vcd:alpha=5:beta=0:noiseStep=999/);
    expect(contrasted).toContain("[");
  });

  test("prints JSON", () => {
    const { stdout } = groundsight(
      "compare",
      image,
      "What?",
      ...model,
      "--max-tokens",
      "3",
      "--json",
    );
    const { answers, hash, version } = JSON.parse(stdout);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(version).toBe(packageJson.version);
    expect(answers.map((answer: { name: string }) => answer.name)).toEqual(
      Object.values(METHODS)
        .filter(({ settings }) => !Object.values(settings).some(({ type }) => type === "asset"))
        .map(({ name }) => name),
    );
    expect(answers[0]).toMatchObject({ differs: [false, false, false], ratio: 1 });
    expect(answers[0].first.imageMs).toBeGreaterThan(0);
  });
});

describe("exit status", () => {
  test("0: help, version and models", () => {
    expect(groundsight("--version")).toMatchObject({
      status: 0,
      stdout: `${packageJson.version}\n`,
    });
    expect(groundsight("--help").stdout).toContain("Examples:");
    for (const command of ["ask", "compare"]) {
      const { status, stdout } = groundsight(command, "--help");
      expect(status).toBe(0);
      expect(stdout).toMatch(/vcd:alpha=1:beta=0.1:noiseStep=500.*\n[\s\S]*Examples:/);
    }
    expect(groundsight("models").stdout).toMatch(/^pocket {2}\(bundled/);
    expect(JSON.parse(groundsight("models", "--json").stdout)[0]).toMatchObject({
      name: "pocket",
      source: "bundled",
    });
  });

  test.each([
    [["ask", "IMAGE"], "question: missing; the last argument is the image"],
    [["aks", "IMAGE", "q"], "unknown command 'aks'"],
    [["ask", "IMAGE", ""], "prompt: received an empty text"],
    [["ask", "IMAGE", "a <image> b"], "image token <image>"],
    [["ask", "IMAGE", "x".repeat(3000)], "expected at most 2047"],
    [["ask", "IMAGE", "q", "--method", "vdc"], "Did you mean 'vcd'?"],
    [["ask", "IMAGE", "q", "--beta", "0.5"], "no method of regular has this setting"],
    [
      ["ask", "IMAGE", "q", "--method", "vcd", "--noise-step", "2000"],
      "expected an integer from 0 to 999",
    ],
    [["ask", "IMAGE", "q", "--method", "vcd:alpha"], "expected name=value"],
    [["ask", "IMAGE", "q", "--seed", "one"], "expected a number"],
    [["ask", "IMAGE", "q", "--temperature", "-1"], "temperature: received -1"],
  ])("2: %j", (args, message) => {
    const { status, stdout, stderr } = groundsight(
      ...args.map((arg) => (arg === "IMAGE" ? image : arg)),
      ...(args.length > 2 ? model : []),
    );
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test("1: files that are missing, empty or no images", async () => {
    const empty = join(folder, "empty.png");
    const text = join(folder, "text.png");
    await writeFile(empty, "");
    await writeFile(text, "text");
    for (const path of [join(folder, "nope.png"), empty, text]) {
      const { status, stderr } = groundsight("ask", path, "q", ...model);
      expect({ status, message: stderr.includes(path) }).toEqual({ status: 1, message: true });
    }
    expect(groundsight("ask", image, "q", "--model", folder)).toMatchObject({ status: 1 });
    const hub = groundsight("ask", image, "q", "--model", "owner/name", "--offline");
    expect(hub).toMatchObject({ status: 1 });
    expect(hub.stderr).toContain("offline");
  });
});

test("a reader that closes early ends the program without a stack trace", async () => {
  const child = spawn(process.execPath, [main, "help", "eval"]);
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test.each(["fit", "inspect", "export"])("help steer %s is that command's own", (name) => {
  const { status, stdout } = groundsight("help", "steer", name);
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: groundsight steer ${name} `);
  expect(stdout).toBe(groundsight("steer", name, "--help").stdout);
});
