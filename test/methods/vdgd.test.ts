import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../src/errors.js";
import { argMax } from "../../src/math/arg-max.js";
import { logSoftmax } from "../../src/math/log-softmax.js";
import { averaging } from "../../src/methods/averaging.js";
import { described } from "../../src/methods/described.js";
import { DescriptionTable } from "../../src/methods/description-table.js";
import { keepNucleus } from "../../src/methods/nucleus.js";
import { methodNamed } from "../../src/methods/registry.js";
import { vcd } from "../../src/methods/vcd.js";
import { groundScores, type VdgdOptions, vdgd } from "../../src/methods/vdgd.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import golden from "../golden/vdgd_rescore.json" with { type: "json" };

const kept = (scores: Float32Array) =>
  [...scores.keys()].filter((i) => scores[i]! > Number.NEGATIVE_INFINITY);

function tableOf(positions: readonly (readonly number[])[]): DescriptionTable {
  const table = new DescriptionTable();
  for (const logits of positions) table.add(Float32Array.from(logits));
  return table;
}

describe("golden vectors of the authors' code", () => {
  const table = tableOf(golden.description_logprobs);
  const tokens = [...golden.logits.keys()];

  test("KL of each position alone", () => {
    golden.description_logprobs.forEach((position, j) => {
      const alone = tableOf([position]);
      for (const k of tokens)
        expect(Math.abs(alone.divergence(k, "min") - golden.kl[k]![j]!)).toBeLessThan(1e-5);
    });
  });

  test("least, mean and total KL over positions", () => {
    for (const k of tokens) {
      const total = golden.kl[k]!.reduce((sum, kl) => sum + kl, 0);
      expect(Math.abs(table.divergence(k, "min") - golden.kl_min[k]!)).toBeLessThan(1e-5);
      expect(Math.abs(table.divergence(k, "avg") - golden.kl_avg[k]!)).toBeLessThan(1e-5);
      expect(Math.abs(table.divergence(k, "sum") - total)).toBeLessThan(1e-5);
    }
  });

  test("tokens kept by the authors' nucleus filter", () => {
    const logits = Float32Array.from(golden.logits);
    keepNucleus(logits, { temperature: 0.5, topP: 0.5 });
    expect(kept(logits)).toEqual(golden.kept_official);
  });

  test("official score of a kept token is -KL, the paper's is logit - KL", () => {
    const settings = { reduce: "min", plausibility: "beta", beta: 0 } as const;
    const paper = groundScores(Float32Array.from(golden.logits), table, {
      ...settings,
      score: "paper",
    });
    const official = groundScores(Float32Array.from(golden.logits), table, {
      ...settings,
      score: "official",
    });
    for (const k of tokens) {
      expect(Math.abs(paper[k]! - (golden.logits[k]! - golden.kl_min[k]!))).toBeLessThan(1e-5);
      expect(Math.abs(official[k]! + golden.kl_min[k]!)).toBeLessThan(1e-5);
    }
  });
});

describe("the scale of the divergence", () => {
  const table = tableOf(golden.description_logprobs);
  const settings = { score: "official", reduce: "min", plausibility: "beta", beta: 0 } as const;
  const scored = (scale: "paper" | "official") =>
    groundScores(Float32Array.from(golden.logits), table, { ...settings, scale });

  test("of the authors' call is KL / V, what torch's kl_div returns with reduction batchmean", () => {
    const vocabulary = golden.logits.length;
    const official = scored("official");
    golden.kl_min.forEach((kl, k) => {
      expect(Math.abs(official[k]! + kl / vocabulary)).toBeLessThan(1e-6);
    });
  });

  test("changes no greedy choice, and makes a sampled one nearly uniform", () => {
    const [paper, official] = [scored("paper"), scored("official")];
    expect(argMax(official)).toBe(argMax(paper));
    const spread = (scores: Float32Array) => Math.max(...scores) - Math.min(...scores);
    expect(spread(official)).toBeCloseTo(spread(paper) / golden.logits.length, 5);
  });

  test("goes with the score unless said otherwise", () => {
    expect(vdgd().settings.scale).toBe("paper");
    expect(vdgd({ score: "official" }).settings.scale).toBe("official");
    expect(vdgd({ score: "official", scale: "paper" }).settings.scale).toBe("paper");
  });
});

const logits = (length: number) =>
  fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: length, maxLength: length });

describe("properties", () => {
  test("divergences are at least 0, least <= mean <= total, and order of positions does not matter", () => {
    fc.assert(
      fc.property(
        fc.array(logits(6), { minLength: 1, maxLength: 8 }),
        fc.nat(5),
        (positions, k) => {
          const table = tableOf(positions);
          const [least, mean, total] = (["min", "avg", "sum"] as const).map((r) =>
            table.divergence(k, r),
          );
          expect(least).toBeGreaterThanOrEqual(-1e-6);
          expect(least).toBeLessThanOrEqual(mean! + 1e-4);
          expect(mean).toBeLessThanOrEqual(total! + 1e-4);
          expect(tableOf(positions.toReversed()).divergence(k, "min")).toBe(least);
        },
      ),
    );
  });

  test("the table equals the loop over positions", () => {
    fc.assert(
      fc.property(fc.array(logits(5), { minLength: 1, maxLength: 6 }), (positions) => {
        const table = tableOf(positions);
        for (let k = 0; k < 5; k++) {
          const kls = positions.map((position) => -logSoftmax(position)[k]!);
          expect(table.divergence(k, "min")).toBeCloseTo(Math.min(...kls), 4);
          expect(table.divergence(k, "sum")).toBeCloseTo(
            kls.reduce((a, b) => a + b),
            3,
          );
        }
      }),
    );
  });

  test("something is always kept, the most likely token first of all", () => {
    fc.assert(
      fc.property(
        logits(9),
        logits(9),
        fc.constantFrom("beta", "nucleus"),
        (answer, position, plausibility) => {
          const best = argMax(answer);
          const settings = { score: "paper", reduce: "min", plausibility, beta: 0.1 } as const;
          const scores = groundScores(Float32Array.from(answer), tableOf([position]), settings);
          expect(scores[best]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
        },
      ),
    );
  });
});

const image = { data: Uint8Array.of(10, 200, 90), width: 1, height: 1, channels: 3 } as const;
const ask = { prompt: "Is there a dog?", image, maxTokens: 8 };

describe("decoding", () => {
  test("the description is noted, put before the question, and the same for further questions", async () => {
    const model = fakeModel();
    const method = vdgd({ descriptionTokens: 5 });
    const first = await model.generate({ ...ask, method });
    const second = await model.generate({ ...ask, prompt: "How many?", method });
    expect(first.details.description).toBeTypeOf("string");
    expect(second.details.description).toBe(first.details.description);
    const alone = await model.generate({
      prompt: vdgd().settings.describePrompt as string,
      image,
      maxTokens: 5,
    });
    expect(first.details.description).toBe(alone.text);
  });

  test("a given description is read, not made up", async () => {
    const description = "a cat on a table";
    const answer = await fakeModel().generate({ ...ask, method: vdgd({ description }) });
    expect(answer.details.description).toBe(description);
    const order = "after-image";
    const control = await fakeModel().generate({
      ...ask,
      method: described({ description, order }),
    });
    const direct = await fakeModel().generate({
      ...ask,
      prompt: `The input image is described as follows: ${description} ${ask.prompt}`,
    });
    expect(control.text).toBe(direct.text);
  });

  test("a description stands before the image, as in the authors' code", async () => {
    const description = "a cat on a table";
    const control = await fakeModel().generate({ ...ask, method: described({ description }) });
    const { image, prompt, ...rest } = ask;
    const words = `The input image is described as follows: ${description} `;
    const content = [
      { type: "text", text: words },
      { type: "image", image },
      { type: "text", text: prompt },
    ] as const;
    const direct = await fakeModel().generate({ ...rest, turns: [{ role: "user", content }] });
    expect(control.text).toBe(direct.text);
  });

  test("is run inside averaging, which says so, the same in another model", async () => {
    const answer = await fakeModel().generate({
      ...ask,
      method: averaging({ copies: 3, method: vdgd() }),
    });
    expect(answer.method).toMatchObject({
      name: "averaging",
      settings: { copies: 3, method: { name: "vdgd" } },
    });
    expect(answer.details.description).toBeTypeOf("string");
    const [once, again] = [
      await fakeModel().generate({ ...ask, method: averaging({ method: vcd() }) }),
      await fakeModel().generate({ ...ask, method: averaging({ method: vcd() }) }),
    ];
    expect(once.text).toBe(again.text);
    expect(once.text).not.toBe((await fakeModel().generate({ ...ask, method: vcd() })).text);
  });
});

describe("a description for the task", () => {
  const asked = (prompts: string[]) =>
    fakeModel({
      respond: ({ prompt }) => {
        prompts.push(prompt);
        return prompt.includes("Describe") ? "A cat." : "Yes";
      },
    });

  test("is asked for with the question in it, and made for each question", async () => {
    const prompts: string[] = [];
    const model = asked(prompts);
    const method = described({ describePrompt: "task" });
    await model.generate({ ...ask, method });
    await model.generate({ ...ask, prompt: "How many?", method });
    const requests = [...new Set(prompts)].filter((prompt) => prompt.includes("Describe"));
    expect(requests).toHaveLength(2);
    expect(requests[0]).toContain("to complete this task: Is there a dog? Describe");
    expect(requests[1]).toContain("to complete this task: How many? Describe");
  });

  test("may be asked for in words of one's own", async () => {
    const prompts: string[] = [];
    const describePrompt = "Describe for {task} and {task}";
    await asked(prompts).generate({ ...ask, method: described({ describePrompt }) });
    expect(prompts[0]).toBe("Describe for Is there a dog? and Is there a dog?");
  });
});

describe("options", () => {
  test("of the official variant go together unless said otherwise", () => {
    expect(vdgd().settings).toMatchObject({
      score: "paper",
      reduce: "min",
      plausibility: "beta",
      beta: 0.1,
    });
    expect(vdgd({ score: "official" }).settings).toMatchObject({ plausibility: "nucleus" });
    expect(vdgd({ score: "official", plausibility: "beta" }).settings).toMatchObject({
      plausibility: "beta",
    });
  });

  test.each<[VdgdOptions, RegExp]>([
    [{ score: "best" as "paper" }, /score: received 'best'; expected one of paper, official/],
    [{ reduce: "max" as "min" }, /reduce/],
    [{ beta: 2 }, /beta/],
    [{ description: " " }, /description: received an empty text/],
    [{ descriptionTokens: 0 }, /descriptionTokens/],
    [{ reduction: "min" } as VdgdOptions, /no option 'reduction'; did you mean reduce/],
  ])("%j is refused by name", (options, message) => {
    expect(() => vdgd(options)).toThrow(InvalidArgumentError);
    expect(() => vdgd(options)).toThrow(message);
  });

  test("averaging refuses no copies and unknown noise", () => {
    expect(() => averaging({ copies: 0 })).toThrow("copies: received 0");
    expect(() => averaging({ noiseStep: 1000 })).toThrow(InvalidArgumentError);
  });

  test.each([
    vdgd({ reduce: "avg" }),
    described({ description: "a cat" }),
    averaging({ copies: 2, method: vcd({ alpha: 2 }) }),
  ])("$name is made again from its stored settings", (method) => {
    const stored = JSON.parse(JSON.stringify(method.settings));
    expect(methodNamed(method.name, stored).settings).toEqual(method.settings);
  });
});
