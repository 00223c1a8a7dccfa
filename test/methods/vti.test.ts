import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer, Demonstration, Model, SteeringDirections } from "../../src/index.js";
import {
  apc,
  averaging,
  directionsId,
  fitDirections,
  heads,
  InvalidArgumentError,
  load,
  methodFromText,
  methodNamed,
  pai,
  regular,
  vcd,
  vdgd,
  vti,
} from "../../src/index.js";
import { CHECKPOINTS } from "../global-setup.js";

const pixels = (seed: number) => ({
  data: Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => (i * 37 + seed * 101) % 251),
  width: 20,
  height: 20,
  channels: 3 as const,
});
const demonstrations: Demonstration[] = Array.from({ length: 6 }, (_, i) => ({
  image: pixels(i),
  prompt: "Describe the image.",
  caption: `a dog and ${i}`,
  hallucinated: `a fork and ${i}`,
}));
const ask = { image: pixels(9), prompt: "Is there a dog?", maxTokens: 8 };
const logprobs = ({ tokens }: Answer) => tokens.map(({ id, logprob }) => [id, logprob]);
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);

describe("vti as a method", () => {
  let model: Model;
  let directions: SteeringDirections;
  beforeAll(async () => {
    model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
    directions = await fitDirections(model, demonstrations, { maskings: 2 });
  });
  afterAll(() => model.dispose());

  test("answers as the steered handle does, with any method in it", async () => {
    const steered = await model.steer(directions, { image: 3, text: 2 });
    const others = [regular(), vcd(), vdgd({ descriptionTokens: 4 }), pai({ alpha: 1 })];
    for (const method of others) {
      const own = vti({ directions, image: 3, text: 2, method });
      const [answer, handle] = [
        await model.generate({ ...ask, method: own }),
        await steered.generate({ ...ask, method }),
      ];
      expect(logprobs(answer)).toEqual(logprobs(handle));
      expect(logprobs(answer)).not.toEqual(logprobs(await model.generate({ ...ask, method })));
      expect(answer.method).toEqual({
        name: "vti",
        settings: {
          directions: directionsId(directions),
          image: 3,
          text: 2,
          layers: null,
          method: { name: method.name, settings: method.settings },
        },
      });
    }
  });

  test("stands in a batch beside plain requests, at several strengths, each answer as alone", async () => {
    const methods = [
      regular(),
      vti({ directions, text: 3, image: 0 }),
      vcd(),
      vti({ directions, text: -1, image: 2, method: vcd() }),
      vti({ directions, text: 0.5, image: 0, method: vdgd({ descriptionTokens: 5 }) }),
      averaging({ copies: 2, method: vti({ directions, image: 4, text: 0 }) }),
      apc(),
    ];
    const requests = methods.map((method, i) => ({
      ...ask,
      prompt: `Question ${"x".repeat(i)}?`,
      method,
    }));
    const alone: Answer[] = [];
    for (const request of requests) alone.push(await model.generate(request));
    const together = await model.generateBatch(requests);
    expect(together.map(ids)).toEqual(alone.map(ids));
  });

  test("of strength 0 is the method itself, bit for bit", async () => {
    const still = vti({ directions, image: 0, text: 0, method: vcd() });
    expect(still.needs.edits).toEqual([]);
    const plain = await model.generate({ ...ask, method: vcd() });
    expect(logprobs(await model.generate({ ...ask, method: still }))).toEqual(logprobs(plain));
  });

  test("a contrast of a steered with a plain stream can be written", async () => {
    const steered = vti({ directions, text: 4, image: 0 });
    const contrasted = {
      name: "steered-against-plain",
      settings: {},
      needs: steered.needs,
      async start(run: Parameters<typeof steered.start>[0]) {
        const { streams } = await steered.start(run);
        return {
          streams: [streams[0], { view: run.view }] as const,
          scores: ([one, other]: readonly { logits: Float32Array }[]) =>
            one!.logits.map((logit, i) => 2 * logit - other!.logits[i]!),
        };
      },
    };
    const answer = await model.generate({ ...ask, method: contrasted });
    const alone = await model.generate({ ...ask, method: steered });
    expect(logprobs(answer)).not.toEqual(logprobs(alone));
  });

  test("is made again from name, settings and directions", () => {
    const method = vti({ directions, image: 0.2, method: vcd({ alpha: 2 }) });
    const stored = JSON.parse(JSON.stringify(method.settings));
    const again = methodNamed("vti", stored, method.assets);
    expect(again.settings).toEqual(method.settings);
    expect(() => methodNamed("vti", stored)).toThrow(/directions: the value with hash/);
    const text = `vti:directions=${directionsId(directions)}:image=0.2+vcd:alpha=2`;
    expect(methodFromText(text, method.assets ?? {}).settings).toEqual(method.settings);
  });

  test("has the paper's strengths where there are directions", () => {
    expect(vti({ directions }).settings).toMatchObject({ image: 0.4, text: 0.4 });
    const { image: _, ...textOnly } = directions;
    expect(vti({ directions: textOnly }).settings).toMatchObject({ image: 0, text: 0.4 });
  });

  test("works in a worker, and so does a steered handle", async () => {
    const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
    const groundsight = (await import(built)) as typeof import("../../src/index.js");
    const worker = await groundsight.load(`${CHECKPOINTS}concat`, { threads: 1, worker: true });
    const method = groundsight.vti({ directions, image: 3, text: 2, method: groundsight.vcd() });
    const [answer] = await worker.generateBatch([{ ...ask, method }, ask]);
    const here = await model.generate({
      ...ask,
      method: vti({ directions, image: 3, text: 2, method: vcd() }),
    });
    expect(logprobs(answer!)).toEqual(logprobs(here));
    const steered = await worker.steer(directions, { image: 3, text: 2 });
    expect(logprobs(await steered.generate({ ...ask, method: groundsight.vcd() }))).toEqual(
      logprobs(here),
    );
    const [there, own] = [groundsight.heads({ alpha: 2 }), heads({ alpha: 2 })];
    expect(logprobs(await worker.generate({ ...ask, method: there }))).toEqual(
      logprobs(await model.generate({ ...ask, method: own })),
    );
    await worker.dispose();
  });

  test("is refused with directions of another model, or none", async () => {
    const method = vti({ directions: { ...directions, modelHash: "0".repeat(64) } });
    await expect(model.generate({ ...ask, method })).rejects.toThrow(InvalidArgumentError);
    await expect(model.generate({ ...ask, method })).rejects.toThrow(/fitted on a model with hash/);
    expect(() => vti({} as Parameters<typeof vti>[0])).toThrow(/groundsight steer fit/);
    expect(() => vti({ directions, strength: 1 } as Parameters<typeof vti>[0])).toThrow(
      /vti has no option 'strength'/,
    );
  });
});

test("steering inside steering is refused by name, since one would silently replace the other", async () => {
  await using model = await load(`${CHECKPOINTS}concat`, { threads: 1 });
  const directions = await fitDirections(model, demonstrations, { maskings: 1 });
  const other = {
    ...directions,
    text: { ...directions.text!, data: directions.text!.data.slice() },
  };
  for (const inner of [directions, other]) {
    const method = vti({
      directions,
      image: 0,
      text: 1,
      method: vti({ directions: inner, image: 0, text: 2 }),
    });
    await expect(model.generate({ ...ask, method })).rejects.toThrow(
      /two edits of one kind, "steering 2x1x96" of the decoder graph/,
    );
  }
  const steered = await model.steer(directions, { text: 1 });
  await expect(steered.steer(directions, { text: 1 })).rejects.toThrow("steered already");
});
