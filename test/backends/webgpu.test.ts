import { describe, expect, test } from "vitest";
import { OnnxBackend } from "../../src/backends/onnx/backend.js";
import type { OnnxParts } from "../../src/backends/onnx/parts.js";
import { WebGpuBackend } from "../../src/backends/webgpu/backend.js";
import { LocalModel } from "../../src/model/local-model.js";
import { dark, ids, image, REQUESTS } from "../engine/asked.js";
import { FakeDevice } from "./fake-device.js";
import { type FakeOnnxOptions, fakeOnnxModel, fakeOnnxParts } from "./fake-onnx.js";
import { countedParts, watched } from "./watched.js";

const WHOLE = { pastLayout: "exact", returnsNewRows: false } as const;

/** A model whose decoder is on a device, with both. */
function onDevice(
  options: FakeOnnxOptions = {},
  change: (parts: OnnxParts) => OnnxParts = (parts) => parts,
): { model: LocalModel; device: FakeDevice; parts: OnnxParts } {
  const device = new FakeDevice();
  const stock = fakeOnnxParts({ cache: WHOLE, ...options });
  const { decoder } = stock.graphs;
  const session = device.session(decoder.session);
  const parts = change({
    ...stock,
    graphs: { ...stock.graphs, decoder: { ...decoder, session } },
    release: () => session.release(),
  });
  return { model: new LocalModel(new WebGpuBackend(parts), options), device, parts };
}

describe.each([false, true])("a cache on the device, float16 %s", (isHalf) => {
  test("gives the tokens of the backend on the host, alone and in a batch", async () => {
    const expected = await fakeOnnxModel({ cache: { ...WHOLE, isHalf } }).generateBatch(REQUESTS);
    const { model, device } = onDevice({ cache: { ...WHOLE, isHalf } });
    expect((await model.generateBatch(REQUESTS)).map(ids)).toEqual(expected.map(ids));
    for (const [i, request] of REQUESTS.entries()) {
      expect(ids(await model.generate(request))).toEqual(ids(expected[i]!));
    }
    await model.dispose();
    expect(device.faults).toEqual([]);
    expect(device.live).toBe(0);
  });
});

describe("a device that computes long pieces wrongly", () => {
  const limited = (onSteps: (steps: number) => void) =>
    onDevice({}, (parts) => {
      const { decoder } = parts.graphs;
      const session = watched(decoder.session, ({ inputs_embeds: given }) =>
        onSteps(given!.dims[1]!),
      );
      return {
        ...parts,
        graphs: { ...parts.graphs, decoder: { ...decoder, session, pieceTokens: 3 } },
      };
    });

  test("reads prompts in short ones, with the same tokens, and frees what lies between", async () => {
    const expected = await fakeOnnxModel({ cache: WHOLE }).generateBatch(REQUESTS);
    const lengths: number[] = [];
    const { model, device } = limited((steps) => lengths.push(steps));
    expect((await model.generateBatch(REQUESTS)).map(ids)).toEqual(expected.map(ids));
    expect(Math.max(...lengths)).toBe(3);
    await model.dispose();
    expect([device.live, device.faults]).toEqual([0, []]);
  });

  test("holds no more at once than one that reads them whole", async () => {
    const { model, device } = limited(() => {});
    await model.generate({ prompt: "Hello ".repeat(9), image, maxTokens: 2 });
    expect(device.peak).toBe(3 * 2);
    await model.dispose();
  });

  test("refuses hidden states of longer texts, which are read in one run", async () => {
    const { model } = onDevice({}, (parts) => {
      const decoder = { ...parts.graphs.decoder, pieceTokens: 3 };
      const openEdited = async () => fakeOnnxParts().graphs.decoder.session;
      return { ...parts, graphs: { ...parts.graphs, decoder, openEdited } };
    });
    const probe = await model.probe();
    await expect(probe.textStates("Is there a dog?", "Yes")).rejects.toThrow(
      /^hidden states: received \d+ tokens; .* wrong for more than 3 in one run/,
    );
    await probe.dispose();
    await model.dispose();
  });

  test("leaves nothing there when a later piece fails", async () => {
    let runs = 0;
    const { model, device } = limited(() => {
      if (++runs === 3) throw new Error("lost");
    });
    await expect(model.generate({ prompt: "Hello", image, maxTokens: 2 })).rejects.toThrow("lost");
    await model.dispose();
    expect([device.live, device.faults]).toEqual([0, []]);
  });
});

test("what is decoded leaves nothing on the device but beginnings, and those go with the model", async () => {
  const { model, device } = onDevice();
  await model.generate({ prompt: "Hello", image, maxTokens: 30 });
  // A key and a value each: the beginning that ends with the image, the context's past and, after a run, its present.
  expect(device.peak).toBe(3 * 2);
  expect(device.live).toBe(2);
  expect(model.load.cacheBytes).toBe(0);
  await model.dispose();
  expect(device.live).toBe(0);
  expect(device.faults).toEqual([]);
});

test("computes no more rows than the backend on the host: beginnings that are shared are fed as they are", async () => {
  const rowsOf = async (create: (parts: OnnxParts) => LocalModel) => {
    const { parts, counts } = countedParts(fakeOnnxParts({ cache: WHOLE }));
    const model = create(parts);
    const rows: number[] = [];
    for (const prompt of ["Is there a dog?", "Is there a cat on it?", "A dog?"]) {
      const { usage } = await model.generate({ prompt, image, maxTokens: 1 });
      rows.push(counts.rows - usage.promptTokens);
    }
    await model.dispose();
    return { rows, images: counts.images };
  };
  const device = new FakeDevice();
  const found = await rowsOf((parts) => {
    const { decoder } = parts.graphs;
    const session = device.session(decoder.session);
    const graphs = { ...parts.graphs, decoder: { ...decoder, session } };
    return new LocalModel(
      new WebGpuBackend({ ...parts, graphs, release: () => session.release() }),
    );
  });
  expect(found).toEqual(await rowsOf((parts) => new LocalModel(new OnnxBackend(parts))));
  expect(found.rows[0]).toBe(0);
  expect([device.live, device.faults]).toEqual([0, []]);
});

test("a further question of a conversation goes on from the answered prompt", async () => {
  const { model, device } = onDevice();
  const host = fakeOnnxModel({ cache: WHOLE });
  const text = (words: string) => ({ type: "text", text: words }) as const;
  const turns = [
    { role: "user", content: [{ type: "image", image }, text("Is there a dog?")] },
    { role: "assistant", content: [text("Yes")] },
    { role: "user", content: [text("Which one?")] },
  ] as const;
  for (const length of [1, 3]) {
    const request = { turns: turns.slice(0, length), maxTokens: 9 };
    expect(ids(await model.generate(request))).toEqual(ids(await host.generate(request)));
  }
  await model.dispose();
  expect([device.live, device.faults]).toEqual([0, []]);
});

test("beginnings are bounded; what does not fit is freed", async () => {
  const bounded = (prefixBytes: number) =>
    onDevice({}, (parts) => ({ ...parts, memory: { ...parts.memory, prefixBytes } }));
  const requests = [image, dark].flatMap((one) =>
    ["a", "some words"].map((prompt) => ({ prompt, image: one, maxTokens: 2 })),
  );
  const expected = await fakeOnnxModel({ cache: WHOLE }).generateBatch(requests);
  for (const prefixBytes of [0, 100, 400]) {
    const { model, device } = bounded(prefixBytes);
    for (const [i, request] of requests.entries()) {
      expect(ids(await model.generate(request))).toEqual(ids(expected[i]!));
      const perToken = 2 * 2 * 4;
      expect((device.live / 2) * perToken).toBeLessThanOrEqual(prefixBytes);
    }
    await model.dispose();
    expect([device.live, device.faults]).toEqual([0, []]);
  }
});

test("a run that fails harms no other, and leaves nothing behind", async () => {
  const [one, other] = [REQUESTS[0]!, { prompt: "Hello", maxTokens: 4 }];
  const expected = await fakeOnnxModel({ cache: WHOLE }).generate(one);
  const host = await fakeOnnxModel({ cache: WHOLE }).generate(other);
  const atThird = expected.usage.promptTokens + 2;
  const { model, device } = onDevice({}, (parts) => {
    const { decoder } = parts.graphs;
    const session = watched(decoder.session, ({ attention_mask: mask }) => {
      if (mask!.dims[1] === atThird) throw new Error("out of memory");
    });
    return { ...parts, graphs: { ...parts.graphs, decoder: { ...decoder, session } } };
  });
  const [failed, answered] = await model.generateSettled([one, other]);
  expect(failed).toMatchObject({
    status: "rejected",
    reason: { code: "INFERENCE", message: "the decoder failed: out of memory" },
  });
  expect(answered!.status === "fulfilled" && ids(answered!.value)).toEqual(ids(host));
  expect(model.load.cacheBytes).toBe(0);
  await model.dispose();
  expect([device.live, device.faults]).toEqual([0, []]);
});

test("logits that are missing are an error, and free what came with them", async () => {
  const { model, device } = onDevice({}, (parts) => {
    const { decoder } = parts.graphs;
    const run = async (feeds: never) => {
      const { logits: _, ...rest } = await decoder.session.run(feeds);
      return rest;
    };
    const session = { ...decoder.session, run } as typeof decoder.session;
    return { ...parts, graphs: { ...parts.graphs, decoder: { ...decoder, session } } };
  });
  await expect(model.generate({ prompt: "Hello" })).rejects.toThrow("returned no logits");
  expect(device.live).toBe(0);
  await model.dispose();
  expect(device.faults).toEqual([]);
});
