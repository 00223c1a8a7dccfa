import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Device, GenerateRequest, LoadOptions, Method } from "../../src/index.js";
import { writeSyntheticCheckpoint } from "../../src/testing/synthetic/checkpoint.js";
import { ids, image } from "../engine/asked.js";
import { CHECKPOINTS } from "../global-setup.js";

// The built package, as a worker runs files and not the test runner's modules.
const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const groundsight = (await import(built)) as typeof import("../../src/index.js");
const { earlyExitEdit, earlyExitOutput, listDevices, load, vcd } = groundsight;
const { InvalidArgumentError, UnsupportedCapabilityError } = groundsight;

const devices = await listDevices();
const usable = (name: Device) => devices.some((one) => one.name === name && one.usable);
const concat = `${CHECKPOINTS}concat`;

test("lists what the runtime offers; the CPU is bundled and usable", () => {
  expect(devices[0]).toEqual({ name: "cpu", bundled: true, usable: true, reason: null });
  for (const { usable: isUsable, reason } of devices) expect(reason === null).toBe(isUsable);
});

test("a device that the runtime was not built for is refused with what it offers", async () => {
  const absent = process.platform === "darwin" ? "dml" : "coreml";
  const loading = load(concat, { device: absent });
  await expect(loading).rejects.toThrow(UnsupportedCapabilityError);
  await expect(loading).rejects.toThrow(
    `device: received '${absent}'; onnxruntime-node on ${process.platform} ${process.arch} offers ${devices.map(({ name }) => name).join(", ")}; use one of these`,
  );
  await expect(load(concat, { device: absent, worker: true })).rejects.toThrow("offers cpu");
});

test("a device that is offered and cannot be used is refused with the reason and the remedy", async () => {
  for (const { name, reason } of devices.filter((one) => !one.usable)) {
    const loading = load(concat, { device: name });
    await expect(loading).rejects.toThrow(UnsupportedCapabilityError);
    await expect(loading).rejects.toThrow(`device: '${name}' cannot be used here: ${reason}`);
    await expect(loading).rejects.toThrow("Without it, use cpu");
  }
});

test("other names, and a cache that the device cannot have, are wrong use", async () => {
  const named = (options: LoadOptions) => load(concat, options);
  await expect(named({ device: "gpu" as Device })).rejects.toThrow(
    "device: received 'gpu'; expected one of cpu, webgpu, cuda, dml, coreml",
  );
  await expect(named({ device: "webgpu", cache: "delta" })).rejects.toThrow(InvalidArgumentError);
  await expect(named({ device: "webgpu", cache: "delta" })).rejects.toThrow(
    "cache: received 'delta' with device 'webgpu'",
  );
});

test("the CPU by its name is the CPU, and stands in no answer", async () => {
  await using model = await load(concat, { device: "cpu" });
  expect(model.info).not.toHaveProperty("device");
  expect(model.info.cache).toBe("delta");
});

/** Answers with the logits behind the first layer, which an edit of the decoder reads out. */
const early: Method = {
  name: "early",
  settings: {},
  needs: { edits: [earlyExitEdit([1])] },
  start: ({ view }) => ({
    streams: [{ view, edits: [{ edit: earlyExitEdit([1]), strength: 1 }] }],
    scores: ([output]) => output!.readings![earlyExitOutput(1)]!.slice(),
  }),
};

// A driver in software is enough: CONTRIBUTING.md.
describe.skipIf(!usable("webgpu")).each(["concat", "group-query"] as const)(
  "webgpu, %s",
  (attention) => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "groundsight-"));
      const shape = {
        layers: 2,
        width: 64,
        heads: 4,
        kvHeads: 2,
        feedForward: 96,
        vocabulary: 300,
      };
      await writeSyntheticCheckpoint(folder, {
        ...shape,
        attention,
        visionLayers: 1,
        endTokens: [],
      });
    });
    afterAll(() => rm(folder, { recursive: true }));

    const requests: GenerateRequest[] = [
      { prompt: "Is there a dog?", image, maxTokens: 8 },
      { prompt: "What is it?", image, maxTokens: 6, method: vcd() },
      { prompt: "Hello", maxTokens: 8 },
      // In one piece, of more than 32 tokens: where the device is wrong there, it is read in several.
      {
        prompt: "Hello, what do you see, and where is it, if you see it at all? ".repeat(3),
        maxTokens: 8,
      },
    ];

    test.each([false, true])(
      "gives the CPU's tokens, in a worker %s",
      async (worker) => {
        await using cpu = await load(folder);
        const expected = await cpu.generateBatch(requests);
        await using gpu = await load(folder, { device: "webgpu", worker });
        expect(gpu.info).toMatchObject({ device: "webgpu", cache: "whole" });
        const answers = await gpu.generateBatch(requests);
        expect(answers.map(ids)).toEqual(expected.map(ids));
        expect(answers[0]!.checkpoint.device).toBe("webgpu");
        expect(ids(await gpu.generate(requests[0]!))).toEqual(ids(expected[0]!));
      },
      120_000,
    );

    test("runs edited graphs", async () => {
      await using cpu = await load(folder);
      await using gpu = await load(folder, { device: "webgpu" });
      const request = { ...requests[0]!, method: early };
      expect(ids(await gpu.generate(request))).toEqual(ids(await cpu.generate(request)));
    }, 120_000);

    test.skipIf(attention !== "group-query")(
      "is as near to the CPU in long prompts as in short ones",
      async () => {
        await using cpu = await load(folder);
        await using gpu = await load(folder, { device: "webgpu" });
        const [found, expected] = await Promise.all(
          [gpu, cpu].map(async (model) => (await model.generate(requests[3]!)).tokens),
        );
        for (const [i, { logprob }] of found!.entries()) {
          expect(logprob).toBeCloseTo(expected![i]!.logprob!, 3);
        }
      },
      120_000,
    );

    // Where the runtime's GroupQueryAttention is wrong, longer texts are refused: docs/install.md.
    test.skipIf(attention !== "concat")(
      "reads hidden states",
      async () => {
        await using cpu = await load(folder);
        await using gpu = await load(folder, { device: "webgpu" });
        const [found, expected] = await Promise.all(
          [gpu, cpu].map(async (model) => {
            const probe = await model.probe();
            const states = await probe.textStates("Is there a dog?", "Yes", image);
            await probe.dispose();
            return states;
          }),
        );
        expect(found!.layers).toBe(expected!.layers);
        const largest = (states: Float32Array) =>
          states.reduce((most, state) => Math.max(most, Math.abs(state)), 0);
        const off = found!.states.map((state, i) => state - expected!.states[i]!);
        expect(largest(off) / largest(expected!.states)).toBeLessThan(1e-3);
      },
      120_000,
    );
  },
);
