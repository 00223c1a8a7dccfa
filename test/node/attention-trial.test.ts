import { afterEach, expect, test, vi } from "vitest";
import { attentionLimit } from "../../src/node/attention-trial.js";
import * as runtime from "../../src/node/onnx-runtime.js";

const stock = await runtime.onnxRuntime();
afterEach(() => vi.restoreAllMocks());

/** A runtime whose WebGPU is the CPU, but for what it makes of the attention's values. */
function onWebGpu(change: (value: number) => number): void {
  const create = async (graph: Uint8Array, options: object) => {
    const isCpu = (options as { executionProviders: string[] }).executionProviders[0] === "cpu";
    const session = await stock.InferenceSession.create(graph, {
      ...options,
      executionProviders: ["cpu"],
    });
    if (isCpu) return session;
    const run = async (feeds: never) => {
      const { mixed } = await session.run(feeds);
      return { mixed: { data: (mixed!.data as Float32Array).map(change) } };
    };
    return { run, release: () => session.release() } as never;
  };
  vi.spyOn(runtime, "onnxRuntime").mockResolvedValue({
    ...stock,
    InferenceSession: { ...stock.InferenceSession, create },
  } as never);
}

test("where attention is right, a run may append any number of tokens", async () => {
  expect(await attentionLimit("cpu")).toBeUndefined();
  onWebGpu((value) => value * 1.0001);
  expect(await attentionLimit("webgpu")).toBeUndefined();
});

test.each([
  ["off", (value: number) => value + 0.05],
  ["no numbers", () => Number.NaN],
] as const)("where values are %s, it is as many as are right", async (_, change) => {
  onWebGpu(change);
  expect(await attentionLimit("webgpu")).toBe(31);
});
