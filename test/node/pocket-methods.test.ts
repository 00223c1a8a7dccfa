import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load, type Method, type Model, methodNamed } from "../../src/index.js";
import golden from "../golden/methods_logits.json" with { type: "json" };

const pocket = fileURLToPath(new URL("../../pocket/", import.meta.url));
const images = `${pocket}bench/test/images/`;
const hasPocket = existsSync(`${pocket}llava/config.json`) && existsSync(images);
if (!hasPocket) console.warn("SKIPPED: methods on pocket/llava, as it is not there");

const described = { image: `${images}test_000003.png`, prompt: "Describe the image." };

/** Every stream that can be chosen, all tokens kept: at most steps pocket finds one token plausible. */
const ACTIVE: readonly Method[] = [
  methodNamed("icd", { beta: 0 }),
  methodNamed("vdd", { beta: 0 }),
  methodNamed("m3id", { threshold: 1 }),
  methodNamed("flb", { beta: 0 }),
  ...["random", "rotate", "jitter", "blur", "crop"].map((transform) =>
    methodNamed("ritual", { transform, beta: 0 }),
  ),
  ...["blur", "mask", "crop", "black", "none"].map((distortion) =>
    methodNamed("vcd", { distortion, beta: 0 }),
  ),
  methodNamed("vcd", { draws: 3, beta: 0 }),
];
const named = (methods: readonly Method[]) =>
  methods.map((method) => [`${method.name} ${JSON.stringify(method.settings)}`, method] as const);

describe.skipIf(!hasPocket)("methods on the pocket checkpoint", () => {
  let model: Model;
  beforeAll(async () => {
    model = await load("pocket", { threads: 1 });
  });
  afterAll(() => model?.dispose());

  test.each(golden.methods.map((method, i) => ({ ...method, i })))(
    "$method $settings: 30 answers are the authors' loop's, token by token",
    async ({ method, settings, i }) => {
      expect(golden.rows).toHaveLength(30);
      const answers = await model.generateBatch(
        golden.rows.map(({ image, question }) => ({
          image: images + image,
          prompt: question,
          method: methodNamed(method, settings),
          maxTokens: golden.maxTokens,
        })),
      );
      expect(answers.map(({ tokens }) => tokens.map(({ id }) => id))).toEqual(
        golden.rows.map(({ tokens }) => tokens[i]),
      );
    },
  );

  test.each(named(ACTIVE))(
    "%s gives tokens other scores, greedily and drawn",
    async (_, method) => {
      for (const decoding of [{}, { temperature: 1, seed: 3 }]) {
        const request = { ...described, ...decoding, maxTokens: 6 };
        const changed = await model.generate({ ...request, method });
        const regular = await model.generate(request);
        const scores = ({ tokens }: typeof regular) =>
          tokens.map(({ id, logprob }) => [id, logprob?.toFixed(4)]);
        expect(scores(changed)).not.toEqual(scores(regular));
      }
    },
  );

  const still = [
    methodNamed("icd", { alpha: 0, beta: 0 }),
    methodNamed("vdd", { alpha: 0, beta: 0 }),
    methodNamed("m3id", { lambda: 0 }),
    methodNamed("flb", { gamma: 0, beta: 0 }),
    methodNamed("ritual", { alpha: 0, beta: 0 }),
    ...["noise", "blur", "mask", "crop", "black", "none"].map((distortion) =>
      methodNamed("vcd", { distortion, alpha: 0, beta: 0 }),
    ),
  ];
  test.each(named(still))("%s is regular, bit for bit", async (_, method) => {
    const request = { ...described, temperature: 1, seed: 3, maxTokens: 6, topLogprobs: 5 };
    const regular = await model.generate(request);
    expect((await model.generate({ ...request, method })).tokens).toEqual(regular.tokens);
  });

  test("several draws of noise: the first is that of one draw, the others are others", async () => {
    const logits: number[][] = [];
    const listening = (method: Method): Method => ({
      ...method,
      async start(run) {
        const session = await method.start(run);
        return {
          ...session,
          scores(outputs, position) {
            for (const output of outputs.slice(1)) logits.push([...output.logits]);
            return session.scores!(outputs, position);
          },
        };
      },
    });
    const request = { ...described, maxTokens: 1 };
    for (const settings of [{}, { draws: 3 }]) {
      await model.generate({ ...request, method: listening(methodNamed("vcd", settings)) });
    }
    const [alone, first, second, third] = logits;
    expect(logits).toHaveLength(4);
    expect(first).toEqual(alone);
    expect(new Set([first, second, third].map((row) => row!.join())).size).toBe(3);
  });
});
