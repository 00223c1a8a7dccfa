import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Demonstration, Method, Model, SteeringDirections } from "../../src/index.js";
import { deco, dola, fitSubspace, load, nullu, vcd, vista, vti } from "../../src/index.js";
import { CHECKPOINTS } from "../checkpoints.js";

const pixels = (seed: number) => ({
  data: Uint8Array.from(
    { length: 40 * 40 * 3 },
    (_, i) => (i * 37 + seed * 101 + (i % 7) * seed) % 251,
  ),
  width: 40,
  height: 40,
  channels: 3 as const,
});
const image = pixels(9);
const demonstrations: Demonstration[] = Array.from({ length: 5 }, (_, i) => ({
  image: pixels(i),
  prompt: "Describe the image.",
  caption: `a dog and ${i}`,
  hallucinated: `a fork and ${i} cats`,
}));
const ask = { image, prompt: "What is in the image?", maxTokens: 4 };
const logprobs = ({ tokens }: Answer) => tokens.map(({ id, logprob }) => [id, logprob]);
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);
const SMALL = 1e-30;

describe.each(["pocket", `${CHECKPOINTS}smolvlm-gqa`])(
  "methods on hidden states: %s",
  (checkpoint) => {
    let model: Model;
    let directions: SteeringDirections;
    let text: SteeringDirections;
    beforeAll(async () => {
      model = await load(checkpoint, { dtype: "fp32", threads: 1 });
      directions = await fitSubspace(model, demonstrations);
      const { layers, width } = directions.subspace!;
      const data = Float32Array.from({ length: layers * width }, (_, i) => Math.sin(i));
      text = { ...directions, text: { layers, positions: 1, width, data } };
    }, 120_000);
    afterAll(() => model.dispose());

    const answer = (method?: Method, more = {}) =>
      model.generate({ ...ask, ...(method && { method }), ...more });

    test("by next to nothing, no bit changes, though the graphs are edited", async () => {
      const plain = logprobs(await answer());
      const still = [
        deco({ alpha: SMALL, topP: 1, topK: 0 }),
        dola({ alpha: SMALL, relativeTop: 0 }),
        dola({ alpha: SMALL, relativeTop: 0, norm: "final", layers: "high" }),
        vista({ lambda: SMALL, gamma: 0 }),
        vista({ lambda: 0, gamma: SMALL }),
        nullu({ directions, strength: SMALL }),
        vti({ directions: text, text: SMALL, layers: "16-31/32" }),
      ];
      for (const method of still) {
        expect(method.needs.edits).not.toEqual([]);
        expect(logprobs(await answer(method)), method.name).toEqual(plain);
      }
    });

    test("switched off, they are the method that they carry", async () => {
      const plain = logprobs(await answer());
      const off = [
        deco({ alpha: 0, topP: 1, topK: 0 }),
        dola({ alpha: 0, relativeTop: 0 }),
        vista({ lambda: 0, gamma: 0 }),
        nullu({ directions, strength: 0 }),
        vti({ directions: text, text: 0, layers: "16-31/32" }),
      ];
      for (const method of off) {
        expect(method.needs.edits).toEqual([]);
        expect(logprobs(await answer(method)), method.name).toEqual(plain);
      }
    });

    const changing = (): Method[] => [
      deco({ alpha: 3 }),
      dola(),
      dola({ layers: "0", norm: "final" }),
      vista({ lambda: 0.5, gamma: 0 }),
      vista({ lambda: 0, gamma: 0.5 }),
      nullu({ directions }),
      vti({ directions: text, text: 3, layers: "16-31/32" }),
    ];

    test("change the probabilities of tokens, greedily and sampled", async () => {
      for (const more of [{}, { temperature: 1, seed: 3 }]) {
        const plain = logprobs(await answer(undefined, more));
        for (const method of changing())
          expect(logprobs(await answer(method, more)), method.name).not.toEqual(plain);
      }
    });

    test("layers that are steered, and exits, are those asked for", async () => {
      const { layers } = directions.subspace!;
      const all = `0-${layers - 1}`;
      const pairs = [
        [vti({ directions: text, text: 3 }), vti({ directions: text, text: 3, layers: all })],
        [vista({ lambda: 0.5 }), vista({ lambda: 0.5, layers: all })],
      ];
      for (const [one, other] of pairs)
        expect(logprobs(await answer(one))).toEqual(logprobs(await answer(other)));
      const deepest = vti({ directions: text, text: 3, layers: `${layers - 1}` });
      expect(logprobs(await answer(deepest))).not.toEqual(logprobs(await answer(pairs[0]![0])));
      const beyond = deco({ layers: `${layers}` });
      await expect(answer(beyond)).rejects.toThrow(`layers: received '${layers}'; expected 0 to`);
    });

    test("go in and around each other and contrasts, alone as in a batch", async () => {
      const methods = [
        ...changing(),
        vti({ directions: text, text: 1, method: vista({ lambda: 0.3, method: vcd() }) }),
        nullu({ directions, method: vti({ directions: text, text: 1, method: deco() }) }),
        vista({ lambda: 0.2, method: nullu({ directions, method: dola({ method: vcd() }) }) }),
        vcd(),
      ];
      const requests = [...methods, undefined].map((method, i) => ({
        ...ask,
        ...(i % 2 === 0 ? {} : { image: pixels(i) }),
        ...(method && { method }),
      }));
      const alone: Answer[] = [];
      for (const request of requests) alone.push(await model.generate(request));
      expect((await model.generateBatch(requests)).map(ids)).toEqual(alone.map(ids));
      const combined = alone.slice(7, 10).map((one) => logprobs(one));
      expect(new Set(combined.map((one) => JSON.stringify(one))).size).toBe(3);
    });

    test("several images are left out of a prompt together, and none are refused", async () => {
      const turns = [
        {
          role: "user" as const,
          content: [
            { type: "image" as const, image },
            { type: "image" as const, image: pixels(3) },
            { type: "text" as const, text: "What differs?" },
          ],
        },
      ];
      const two = { turns, maxTokens: 4 };
      const plain = await model.generate(two);
      const steered = await model.generate({ ...two, method: vista({ lambda: 0.5, gamma: 0 }) });
      expect(logprobs(steered)).not.toEqual(logprobs(plain));
      const none = { prompt: "Hello", maxTokens: 2 };
      await expect(model.generate({ ...none, method: vista() })).rejects.toThrow(
        "method vista needs an image; received none",
      );
      for (const method of [deco(), dola(), nullu({ directions }), vista({ lambda: 0 })])
        expect((await model.generate({ ...none, method })).tokens.length).toBeGreaterThan(0);
    });
  },
);
