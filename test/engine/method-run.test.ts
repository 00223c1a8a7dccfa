import { describe, expect, test } from "vitest";
import { askAboutImages } from "../../src/engine/view.js";
import { apc } from "../../src/methods/apc.js";
import { regular } from "../../src/methods/regular.js";
import { vcd } from "../../src/methods/vcd.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { ids, image } from "./asked.js";

describe("methods", () => {
  const request = { prompt: "What is this?", image, maxTokens: 24 };

  test("vcd with alpha 0 and a tiny beta is regular", async () => {
    const plain = ids(await fakeModel().generate({ ...request, method: regular() }));
    expect(
      ids(await fakeModel().generate({ ...request, method: vcd({ alpha: 0, beta: 1e-30 }) })),
    ).toEqual(plain);
  });

  test("vcd against the image itself is apc, sampled with the same seed", async () => {
    const same = {
      ...vcd({ alpha: 1.7, beta: 0.3 }),
      start: async (run: Parameters<ReturnType<typeof vcd>["start"]>[0]) => {
        const session = await vcd({ alpha: 1.7, beta: 0.3 }).start(run);
        return { ...session, streams: [session.streams[0], session.streams[0]] as const };
      },
    };
    const sampled = { ...request, temperature: 1, seed: 5 };
    const expected = ids(await fakeModel().generate({ ...sampled, method: apc({ beta: 0.3 }) }));
    expect(ids(await fakeModel().generate({ ...sampled, method: same }))).toEqual(expected);
  });

  test("vcd against a noisy image answers otherwise than regular, and the same in another model", async () => {
    const model = fakeModel();
    const noisy = ids(
      await model.generate({ ...request, method: vcd({ noiseStep: 999, alpha: 3, beta: 0 }) }),
    );
    const again = ids(
      await fakeModel().generate({
        ...request,
        method: vcd({ noiseStep: 999, alpha: 3, beta: 0 }),
      }),
    );
    expect(again).toEqual(noisy);
    expect(ids(await model.generate(request))).not.toEqual(noisy);
  });

  test("a method may decode first, remember and note", async () => {
    let described = 0;
    const positions: number[] = [];
    const grounded = {
      name: "grounded",
      settings: {},
      needs: { image: true } as const,
      async start(run: Parameters<ReturnType<typeof vcd>["start"]>[0]) {
        const make = async () => {
          described++;
          return run.generate(
            { view: askAboutImages(run.view, "Describe.") },
            { maxTokens: 20, onPosition: (_, token) => positions.push(token) },
          );
        };
        const description = await run.remember("description", make, ({ text }) => text.length);
        run.note("description", description.text);
        return {
          streams: [
            { view: askAboutImages(run.view, `${description.text} ${run.prompt}`) },
          ] as const,
        };
      },
    };
    const model = fakeModel({
      respond: ({ prompt }) => (prompt === "Describe." ? "A cat." : `<${prompt}>`),
    });
    const first = await model.generate({ ...request, method: grounded });
    await model.generate({ ...request, method: grounded });
    expect(first.text).toBe("<A cat. What is this?>");
    expect(first.details).toEqual({ description: "A cat." });
    expect(described).toBe(1);
    expect(positions).toEqual([..."A cat."].map((c) => c.charCodeAt(0)).concat(257));
  });

  test("a method that needs an image is refused without one", async () => {
    await expect(fakeModel().generate({ prompt: "?", method: vcd() })).rejects.toThrow(
      "vcd needs an image",
    );
  });
});

test("an answer says how it was decoded, and by which checkpoint", async () => {
  const model = fakeModel({ respond: () => "Yes" });
  const plain = await model.generate({ prompt: "?" });
  expect(plain.decoding).toEqual({
    maxTokens: 64,
    stop: [],
    temperature: 0,
    topK: null,
    topP: 1,
    repetitionPenalty: 1,
  });
  expect(plain.checkpoint).toEqual({ id: "fake", dtype: "fp32" });
  const sampled = { temperature: 0.7, topK: 5, topP: 0.9, stop: ["x"], repetitionPenalty: 1.1 };
  const { decoding } = await model.generate({ prompt: "?", maxTokens: 2, ...sampled });
  expect(decoding).toEqual({ maxTokens: 2, ...sampled });
});
