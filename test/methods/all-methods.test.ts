/** What holds for every registered method, on pocket and on two tiny checkpoints; one added later is covered by itself. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  Answer,
  GenerateRequest,
  JsonValue,
  Method,
  Model,
  SteeringDirections,
  Turn,
} from "../../src/index.js";
import {
  AbortedError,
  directionsId,
  GroundsightError,
  load,
  METHODS,
  methodNamed,
} from "../../src/index.js";
import { CHECKPOINTS } from "../checkpoints.js";
import { image as small } from "../engine/asked.js";
import { directionLayers } from "../families/contract.js";
import { tellingModel } from "./telling-model.js";

const NAMES = Object.keys(METHODS);
const IMAGES = fileURLToPath(new URL("../../pocket/bench/dev/images/", import.meta.url));
const image = (number: number) => `${IMAGES}dev_00000${number}.png`;
const ids = ({ tokens }: Answer) => tokens.map(({ id }) => id);
const ask = { image: image(1), prompt: "Describe the image.", maxTokens: 5 };

/** Settings that keep a method cheap, where it has them. */
const SMALL: Readonly<Record<string, number>> = { copies: 2, samples: 2, descriptionTokens: 4 };

/** Directions and a subspace of nothing in particular. */
async function directionsOf(model: Model): Promise<SteeringDirections> {
  const { layers, hiddenSize: width } = model.info;
  const data = new Float32Array(layers * width).map((_, i) => (i % (width + 1) === 0 ? 1 : 0));
  return {
    modelHash: await model.hash(),
    text: directionLayers(layers, 1, width),
    subspace: { layers, rank: 1, width, data },
    facts: {},
  };
}

/** Whether a method has a setting for another one. */
function carries(name: string): boolean {
  return Object.values(METHODS[name]!.settings).some(({ type }) => type === "method");
}

function smallest(name: string, directions: SteeringDirections, inner?: Method): Method {
  const { settings: schema } = METHODS[name]!;
  const id = directionsId(directions);
  const settings = Object.entries(schema).flatMap(([key, { type }]): [string, JsonValue][] => {
    if (type === "asset") return [[key, id]];
    if (type === "method" && inner !== undefined) {
      return [[key, { name: inner.name, settings: inner.settings }]];
    }
    if (key === "k") return [[key, 1]];
    return Object.hasOwn(SMALL, key) ? [[key, SMALL[key]!]] : [];
  });
  return methodNamed(name, Object.fromEntries(settings), { [id]: directions, ...inner?.assets });
}

/** An answer's tokens, or why there is none; what is not refused by name fails. */
async function told(answer: Promise<Answer>): Promise<number[] | string> {
  try {
    return ids(await answer);
  } catch (error) {
    expect(error).toBeInstanceOf(GroundsightError);
    expect((error as GroundsightError).code).toMatch(/INVALID_ARGUMENT|UNSUPPORTED/);
    return (error as Error).message;
  }
}

const user = (text: string, ...images: number[]): Turn => ({
  role: "user",
  content: [
    ...images.map((number) => ({ type: "image" as const, image: image(number) })),
    { type: "text", text },
  ],
});

const CONVERSATION: readonly Turn[] = [
  user("Describe the image.", 3),
  { role: "assistant", content: "The image shows a dog." },
  user("And this one?", 4),
  { role: "assistant", content: "The image shows a cup." },
  user("Is there a dog?"),
];

describe("on pocket", () => {
  let model: Model;
  let worker: Model;
  let directions: SteeringDirections;
  beforeAll(async () => {
    model = await load("pocket", { threads: 1 });
    // The built package, as a worker runs files and not the test runner's modules.
    const built = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
    const groundsight = (await import(built)) as typeof import("../../src/index.js");
    worker = await groundsight.load("pocket", { threads: 1, worker: true });
    directions = await directionsOf(model);
  });
  afterAll(async () => {
    await model.dispose();
    await worker.dispose();
  });

  test.each(NAMES)(
    "%s: alone, in a batch, in a worker, from what is stored of it",
    async (name) => {
      const method = smallest(name, directions);
      const sampled = { ...ask, temperature: 1, seed: 7, method };
      const alone = [await model.generate({ ...ask, method }), await model.generate(sampled)];
      expect(alone.every(({ tokens }) => tokens.length > 0)).toBe(true);
      const among = await model.generateBatch([
        { ...ask, method },
        { ...ask, prompt: "Is there a dog?" },
        sampled,
        { prompt: "Hello", maxTokens: 2 },
      ]);
      expect([among[0]!, among[2]!].map(ids)).toEqual(alone.map(ids));
      const again = methodNamed(method.name, method.settings, method.assets);
      expect(again.settings).toEqual(method.settings);
      const there = await worker.generateBatch([
        { ...ask, method: again },
        { ...sampled, method: again },
      ]);
      expect(there.map(ids)).toEqual(alone.map(ids));
      expect(there[0]!.method).toEqual({ name, settings: method.settings });
    },
  );

  test.each(NAMES)("%s: images, several, in turns and none", async (name) => {
    const method = smallest(name, directions);
    for (const turns of [[user("Describe the images.", 4, 5)], CONVERSATION]) {
      const answer = await told(model.generate({ turns, maxTokens: 3, method }));
      expect(answer).not.toHaveLength(0);
    }
    const blind = await told(model.generate({ prompt: "Hello.", maxTokens: 3, method }));
    expect(typeof blind === "string").toBe(method.needs.image === true);
    if (typeof blind === "string") expect(blind).toMatch(new RegExp(`^(method )?${name}.*image`));
  });
});

/** What may be the same as one of its parts: these have the constraint of `apc` already. */
const SAME = new Set(["pai+apc", "dola+apc"]);

/** Asks about objects, and changes nothing where none are named, as by random weights: see verify.test.ts. */
const CHANGING = NAMES.filter((name) => name !== "verify" && name !== "regular");

describe.each(["smolvlm-gqa", "qwen2.5-vl-gqa"])("on %s", (id) => {
  let model: Model;
  let directions: SteeringDirections;
  const request: GenerateRequest = { ...ask, maxTokens: 3, temperature: 1, seed: 3 };
  const answered = async (method: Method) =>
    JSON.stringify((await model.generate({ ...request, method })).tokens);
  beforeAll(async () => {
    model = await load(`${CHECKPOINTS}${id}`, { threads: 1 });
    directions = await directionsOf(model);
  });
  afterAll(() => model.dispose());

  test.each(NAMES)("%s answers, or is refused by name", async (name) => {
    const answer = await told(model.generate({ ...request, method: smallest(name, directions) }));
    expect(answer).not.toHaveLength(0);
  });

  test.each(NAMES)("%s is given up when asked to", async (name) => {
    const method = smallest(name, directions);
    for (const after of [0, 4, 16]) {
      const controller = new AbortController();
      const answer = model.generate({ ...request, method, signal: controller.signal });
      setTimeout(() => controller.abort(), after);
      const error = await answer.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(AbortedError);
    }
    expect((await model.generate(ask)).tokens.length).toBeGreaterThan(0);
  });

  test.each(CHANGING.filter(carries))("%s and what it carries are both active", async (outer) => {
    const own = await answered(smallest(outer, directions));
    for (const inner of CHANGING) {
      const method = smallest(inner, directions);
      const both = smallest(outer, directions, method);
      const tokens = await told(model.generate({ ...request, method: both }));
      if (typeof tokens === "string" || SAME.has(`${outer}+${inner}`)) continue;
      const joined = await answered(both);
      expect(joined, `${outer}+${inner}`).not.toBe(own);
      expect(joined, `${outer}+${inner}`).not.toBe(await answered(method));
    }
  });
});

describe("an answer that is over at once", () => {
  const CALLED = NAMES.map((name) => [name, METHODS[name]!] as const).filter(
    ([, { settings }]) => !Object.values(settings).some(({ type }) => type === "asset"),
  );
  test.each(CALLED)("is none with %s too", async (_, { create }) => {
    const { model } = tellingModel(() => [""]);
    const method = create({});
    if ((method.needs.edits ?? []).length > 0) return;
    const answer = await model.generate({ image: small, prompt: "Describe.", method });
    expect([answer.text, answer.tokens, answer.finishReason]).toEqual(["", [], "eos"]);
  });
});
