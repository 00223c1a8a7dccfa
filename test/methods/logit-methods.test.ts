import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ORIGINAL_IMAGE, type Picture } from "../../src/engine/image-variant.js";
import type { Method, MethodRun } from "../../src/engine/method.js";
import { questionOf, type View } from "../../src/engine/view.js";
import { SeededRandom } from "../../src/math/seeded-random.js";
import { softmax } from "../../src/math/softmax.js";
import { flb } from "../../src/methods/flb.js";
import { icd } from "../../src/methods/icd.js";
import { m3id } from "../../src/methods/m3id.js";
import { methodNamed } from "../../src/methods/registry.js";
import { ritual } from "../../src/methods/ritual.js";
import { vcd } from "../../src/methods/vcd.js";
import { vdd } from "../../src/methods/vdd.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import golden from "../golden/methods_logits.json" with { type: "json" };

const view: View = [
  {
    role: "user",
    parts: [
      { type: "image", image: 0, variant: ORIGINAL_IMAGE },
      { type: "text", text: "What is it?" },
    ],
  },
];
const run = { view, seed: 0, random: (name: string) => new SeededRandom(0, name) } as MethodRun;

/** A method's scores, step by step, where its streams have these logits. */
async function scoresOf(method: Method, streams: readonly (readonly number[][])[]) {
  const session = await method.start(run);
  expect(session.streams).toHaveLength(streams.length);
  return streams[0]!.map((_, t) => {
    const outputs = streams.map((rows) => ({ logits: Float32Array.from(rows[t]!) }));
    return Float32Array.from(session.scores!(outputs, t));
  });
}

describe("the authors' loops", () => {
  test.each(golden.cases)(
    "$method $settings: probabilities and kept tokens are theirs",
    async ({ method, settings, streams, scores }) => {
      const found = await scoresOf(methodNamed(method, settings), streams);
      expect(found).toHaveLength(12);
      for (const [t, row] of found.entries()) {
        const theirs = Float32Array.from(scores[t]!, (score) => score ?? Number.NEGATIVE_INFINITY);
        const expected = softmax(theirs);
        softmax(row).forEach((p, i) => {
          expect(Math.abs(p - expected[i]!)).toBeLessThan(1e-5);
          expect(row[i] === Number.NEGATIVE_INFINITY).toBe(scores[t]![i] === null);
        });
      }
    },
  );
});

const ZERO: readonly Method[] = [
  icd({ alpha: 0, beta: 0 }),
  vdd({ alpha: 0, beta: 0 }),
  m3id({ lambda: 0 }),
  m3id({ threshold: 0 }),
  m3id({ form: "avisc", lambda: 0, beta: 0 }),
  flb({ gamma: 0, beta: 0 }),
  flb({ lambda: 0, beta: 0 }),
  ritual({ alpha: 0, beta: 0 }),
  vcd({ alpha: 0, beta: 0, draws: 3 }),
];

test.each(ZERO.map((method) => [`${method.name} ${JSON.stringify(method.settings)}`, method]))(
  "without strength the scores are the logits, bit for bit: %s",
  async (_, method) => {
    const row = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
      minLength: 5,
      maxLength: 5,
    });
    const { streams } = await (method as Method).start(run);
    const rows = fc.array(row, { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(rows, { minLength: streams.length, maxLength: streams.length }),
        async (logits) => {
          const found = await scoresOf(method as Method, logits);
          const own = logits[0]!.map((values) => Float32Array.from(values, (x) => x + 0));
          expect(found.map((scores) => scores.map((x) => x + 0))).toEqual(own);
        },
      ),
      { numRuns: 30 },
    );
  },
);

describe("m3id", () => {
  const sure = [[4, 0, 0, 0]];
  const torn = [[1, 0.9, 0.8, 0.7]];
  const blind = [[0, 2, 0, 0]];

  test("its gate opens where no token has the probability", async () => {
    expect(await scoresOf(m3id(), [sure, blind])).toEqual([Float32Array.from(sure[0]!)]);
    const weight = Math.exp(0.02) - 1;
    const [scores] = await scoresOf(m3id(), [torn, blind]);
    scores!.forEach((score, i) => {
      const [own, text] = [torn[0]![i]!, blind[0]![i]!];
      expect(score).toBeCloseTo(own + weight * (own - text), 6);
    });
  });

  test("stays finite however long the answer is", async () => {
    const session = await m3id({ form: "ritual" }).start(run);
    const outputs = [
      [1, 2],
      [2, 1],
    ].map((row) => ({ logits: Float32Array.from(row) }));
    expect(session.scores!(outputs, 1e6).some(Number.isNaN)).toBe(false);
  });
});

describe("vcd", () => {
  const square: Picture = {
    data: Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => (i * 31) % 251),
    width: 40,
    height: 20,
    channels: 3,
  };

  /** The picture as each further stream sees it. */
  async function seen(method: Method, seed = 0): Promise<Picture[]> {
    const random: MethodRun["random"] = (name) => new SeededRandom(seed, name);
    const { streams } = await method.start({ ...run, seed, random });
    const parts = streams.slice(1).map((stream) => stream.view[0]!.parts[0]!);
    return Promise.all(
      parts.map((part) => (part.type === "image" ? part.variant.picture!(square) : square)),
    );
  }

  test("the logits of its draws are averaged", async () => {
    const rows = [[[1, 2, 4]], [[3, 0, 1]], [[0, 0, 1]], [[0, 3, 4]]];
    const found = await scoresOf(vcd({ beta: 0, draws: 3 }), rows);
    expect(found).toEqual([Float32Array.of(1, 3, 6)]);
  });

  test("black has the size of the picture, a crop its shape", async () => {
    const [black] = await seen(vcd({ distortion: "black" }));
    expect(black).toEqual({ ...square, data: new Uint8Array(2400) });
    const [cut] = await seen(vcd({ distortion: "crop", amount: 0.75 }));
    expect(cut).toMatchObject({ width: 20, height: 10 });
  });

  test.each(["mask", "crop"] as const)(
    "a %s is another in every draw and seed",
    async (distortion) => {
      const method = vcd({ distortion, draws: 3 });
      const [one, again, other] = [await seen(method), await seen(method), await seen(method, 1)];
      expect(again).toEqual(one);
      expect(new Set([...one, ...other].map(({ data }) => data.join())).size).toBe(6);
    },
  );

  test("a variant that changes the picture is distorted behind its change", async () => {
    const half = {
      ...ORIGINAL_IMAGE,
      picture: () => ({ ...square, data: square.data.slice(1200), height: 10 }),
    };
    const given: View = [{ role: "user", parts: [{ type: "image", image: 0, variant: half }] }];
    for (const method of [vcd(), vcd({ distortion: "black" })]) {
      const { streams } = await method.start({ ...run, view: given });
      const [part] = streams[1]!.view[0]!.parts;
      expect(part?.type === "image" && (await part.variant.picture!(square)).height).toBe(10);
    }
  });
});

test("ritual: a picture too long for a crop by chance is cut to 4:3 in its middle, as torchvision has it", async () => {
  const [width, height] = [200, 2];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(i / 3) % width);
  const crop = async (given: Picture): Promise<Picture> => {
    const { streams } = await ritual({ transform: "crop" }).start(run);
    const [part] = streams[1]!.view[0]!.parts;
    if (part?.type !== "image") throw new Error("no image");
    return part.variant.picture!(given);
  };
  const wide = await crop({ data, width, height, channels: 3 });
  expect(wide).toMatchObject({ width: 3, height: 2 });
  expect([...wide.data].filter((_, i) => i % 3 === 0)).toEqual([98, 99, 100, 98, 99, 100]);
  const high = await crop({ data, width: height, height: width, channels: 3 });
  expect(high).toMatchObject({ width: 2, height: 3 });
});

describe("icd", () => {
  const second = async (method: Method, given: View = view) =>
    (await method.start({ ...run, view: given })).streams[1]!.view;

  test("its words stand in front of the question, behind the image", async () => {
    const disturbed = await second(icd({ disturbance: "Be vague." }));
    expect(questionOf(disturbed)).toBe("Be vague. What is it?");
    expect(disturbed[0]!.parts.map(({ type }) => type)).toEqual(["image", "text"]);
    expect(questionOf(view)).toBe("What is it?");
  });

  test("or as the system's, in the place of its own", async () => {
    const given: View = [{ role: "system", parts: [{ type: "text", text: "Be brief." }] }, ...view];
    const disturbed = await second(icd({ disturbance: "Be vague.", place: "system" }), given);
    expect(disturbed.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(disturbed[0]!.parts).toEqual([{ type: "text", text: "Be vague." }]);
  });
});

describe("settings", () => {
  const every: readonly Method[] = [
    icd(),
    vdd(),
    m3id(),
    m3id({ form: "ritual", beta: 0.2 }),
    flb(),
    ritual(),
    ritual({ transform: "flip-vertical" }),
    vcd({ draws: 4 }),
    vcd({ distortion: "mask", amount: 0.3, draws: 2 }),
    vcd({ distortion: "none" }),
  ];

  test("defaults are the authors'", () => {
    expect(every.slice(0, 4).map(({ settings }) => settings)).toEqual([
      {
        alpha: 1,
        beta: 0.1,
        disturbance:
          "You are a confused objects detector to provide a fuzzy overview or impression of the image.",
        place: "question",
      },
      { alpha: 1, beta: 0.1, nullImage: "none" },
      { form: "mitigv", lambda: 0.02, threshold: 0.3, beta: 0 },
      { form: "ritual", lambda: 0.02, threshold: 1, beta: 0.2 },
    ]);
    expect(flb().settings).toEqual({ gamma: 0.3, lambda: 0.05, beta: 0.1 });
    expect(ritual().settings).toEqual({ alpha: 3, beta: 0.1, transform: "random" });
    expect(vcd({ distortion: "blur" }).settings).toEqual({
      alpha: 1,
      beta: 0.1,
      distortion: "blur",
      amount: 0.05,
    });
  });

  test("a method is made again from what is stored of it", () => {
    for (const { name, settings, seeded } of every) {
      expect(methodNamed(name, settings)).toMatchObject({
        name,
        settings,
        ...(seeded && { seeded }),
      });
    }
  });

  test.each([
    [() => vcd({ distortion: "blur", noiseStep: 3 }), "noise step: received one with"],
    [() => vcd({ amount: 0.5 }), "amount: received one with distortion noise"],
    [() => vcd({ distortion: "black", amount: 0.5 }), "amount: received one with distortion black"],
    [() => vcd({ distortion: "blur", draws: 2 }), "draws: received one with distortion blur"],
    [() => vcd({ distortion: "fog" as "blur" }), "distortion: received 'fog'"],
    [() => m3id({ threshold: 2 }), "threshold: received 2"],
    [() => ritual({ transform: "turn" as "rotate" }), "transform: received 'turn'"],
    [() => icd({ disturbance: " " }), "disturbance: received an empty text"],
  ])("wrong ones are refused by name (%#)", (make, message) => {
    expect(make).toThrow(message);
  });
});

test.each(["icd", "vdd", "m3id", "ritual", "vcd"])(
  "%s takes several images, and refuses a question without one",
  async (name) => {
    await using model = fakeModel();
    const method = methodNamed(name);
    const picture = {
      data: new Uint8Array(300).fill(9),
      width: 10,
      height: 10,
      channels: 3,
    } as const;
    const content = [
      { type: "image", image: picture },
      { type: "image", image: { ...picture, data: new Uint8Array(300).fill(200) } },
      { type: "text", text: "What differs?" },
    ] as const;
    const { tokens } = await model.generate({
      turns: [{ role: "user", content }],
      method,
      maxTokens: 3,
    });
    expect(tokens).toHaveLength(3);
    await expect(model.generate({ prompt: "What?", method })).rejects.toThrow(
      new RegExp(`${name}.*image`),
    );
  },
);
