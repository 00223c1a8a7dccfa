import { expect, test } from "vitest";
import { exampleImage } from "../../src/cli/example-image.js";
import { groundsight, model } from "./groundsight.js";

const question = [exampleImage(), "Is there a dog?"];

test("models --devices lists what the runtime offers, the CPU as usable", () => {
  const { status, stdout } = groundsight("models", "--devices");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^cpu {2}\(bundled; usable\)\n/);
  const listed = JSON.parse(groundsight("models", "--devices", "--json").stdout) as {
    name: string;
  }[];
  expect(stdout.match(/^\w+(?= {2}\()/gm)).toEqual(listed.map(({ name }) => name));
});

test("--device takes the CPU by its name, on every command that loads a model", () => {
  const { status, stdout } = groundsight(
    "ask",
    ...question,
    ...model,
    "--device",
    "cpu",
    "--max-tokens",
    "2",
  );
  expect([status, stdout]).toEqual([
    0,
    groundsight("ask", ...question, ...model, "--max-tokens", "2").stdout,
  ]);
  for (const command of [["ask"], ["compare"], ["eval"], ["steer", "fit"]]) {
    const { stdout: help } = groundsight(...command, "--help");
    expect(help).toContain("--device <name>");
  }
});

test("a device that is none, or is not there, is wrong use, told in one line", () => {
  const unknown = groundsight("ask", ...question, ...model, "--device", "gpu");
  expect(unknown.status).toBe(2);
  expect(unknown.stderr).toContain(
    "device: received 'gpu'; expected one of cpu, webgpu, cuda, dml, coreml",
  );
  const absent = process.platform === "darwin" ? "dml" : "coreml";
  const refused = groundsight("compare", ...question, ...model, "--device", absent);
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain(`device: received '${absent}'; onnxruntime-node on`);
  expect(refused.stderr.trim().split("\n")).toHaveLength(1);
});

test("--dtype takes a precision for each graph, and refuses graphs that do not exist by name", () => {
  const [known, unknown] = ["embed_tokens=fp32,vision_encoder=q8", "decoder=q4"].map((dtype) =>
    groundsight("ask", ...question, ...model, "--dtype", dtype),
  );
  expect([known!.status, unknown!.status]).toEqual([1, 2]);
  expect(known!.stderr).toContain("vision_encoder_quantized.onnx is missing (dtype q8)");
  expect(unknown!.stderr).toContain("dtype: there is no graph 'decoder'");
});
