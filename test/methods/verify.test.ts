/** Self-verification on answers and verdicts that are known. */
import { describe, expect, test } from "vitest";
import type { Method } from "../../src/engine/method.js";
import { pai } from "../../src/methods/pai.js";
import { methodNamed } from "../../src/methods/registry.js";
import { regular } from "../../src/methods/regular.js";
import { selfval } from "../../src/methods/selfval.js";
import { vcd } from "../../src/methods/vcd.js";
import { type VerifyOptions, verify } from "../../src/methods/verify.js";
import { fakeModel } from "../../src/testing/fake-model.js";
import { ids, image } from "../engine/asked.js";
import { captioning } from "./telling-model.js";

const ask = { image, prompt: "Describe.", maxTokens: 120 };
const LISTS = ["A dog and a fork.", "A dog and a cup.", "A dog and a spoon."];

/** The answer of `verify` in a model that captions, and what was asked. */
async function verified(
  captions: readonly string[],
  present: readonly string[],
  options: VerifyOptions = {},
  request: object = {},
) {
  const { model, asked } = captioning(captions, present);
  const answer = await model.generate({ ...ask, ...request, method: verify(options) });
  return { answer, text: answer.text, told: answer.details.verify as never, asked, model };
}

describe("what is not doubtful stays as it is", () => {
  const same = async (present: readonly string[], options: VerifyOptions, request: object) => {
    const { answer, model } = await verified(LISTS, present, options, request);
    const plain = await model.generate({ ...ask, ...request, method: options.method ?? regular() });
    expect(answer.tokens).toEqual(plain.tokens);
    expect(answer.usage).toEqual(plain.usage);
    expect([answer.text, answer.finishReason]).toEqual([plain.text, plain.finishReason]);
  };

  test.each([{}, { temperature: 1, seed: 3, topLogprobs: 2 }])(
    "tokens and log-probabilities are those of the inner method (%o)",
    async (request) => {
      const all = ["dog", "fork", "cup", "spoon"];
      for (const mode of ["rewrite", "drop"] as const) {
        await same(all, { mode }, request);
        await same([], { mode, threshold: 1e9 }, request);
        await same(all, { mode, method: vcd() }, request);
      }
      await same(all, { mode: "best", samples: 1 }, request);
    },
  );

  test("an answer without objects costs nothing else, and a limit stays one", async () => {
    const { asked, answer, told } = await verified(["Yes."], []);
    expect([answer.text, told]).toEqual(["Yes.", undefined]);
    expect([...asked]).toHaveLength(1);
    const cut = await verified(LISTS, ["dog"], {}, { maxTokens: 5 });
    expect([cut.text, cut.answer.finishReason]).toEqual(["A dog", "length"]);
  });
});

describe("rewriting", () => {
  test("goes on otherwise where a doubtful object begins", async () => {
    const { text, told, asked, answer } = await verified(LISTS, ["dog", "spoon"]);
    expect(text).toBe("A dog and a spoon.");
    expect(told).toMatchObject({
      draft: "A dog and a fork.",
      changes: [{ object: "fork", how: "rewritten" }],
      objects: { dog: -2, fork: 2, cup: 2, spoon: -2 },
    });
    // Each object once.
    expect([...asked]).toHaveLength(5);
    expect(answer.tokens.every(({ logprob }) => logprob !== null)).toBe(true);
  });

  test("ends the sentence in front of what stays doubtful, and keeps what comes behind it", async () => {
    const { text, told, answer } = await verified(LISTS, ["dog"]);
    expect(text).toBe("A dog.");
    expect(told).toMatchObject({ changes: [{ object: "fork", how: "ended" }] });
    expect(answer.finishReason).toBe("eos");
    // Read as it stands: the full stop was unlikely there.
    expect(answer.tokens.at(-1)!.logprob).toBeLessThan(-20);
    const more = await verified(["A dog and a fork. It sits on a chair."], ["dog", "chair"]);
    expect(more.text).toBe("A dog. It sits on a chair.");
    const none = await verified(LISTS, ["dog"], { rewrites: 0 });
    expect(none.text).toBe("A dog.");
  });

  test("does not name again what was named", async () => {
    const { text } = await verified(["A dog and a fork.", "A dog and a dog."], ["dog"]);
    expect(text).toBe("A dog.");
  });

  test("leaves out a sentence, but never all", async () => {
    const { text } = await verified(["A dog. A fork is here. A cup."], ["dog", "cup"]);
    expect(text).toBe("A dog. A cup.");
    const alone = await verified(["A fork."], []);
    expect(alone.text).toBe("A fork.");
    expect(alone.told).toMatchObject({ changes: [{ object: "fork", how: "left" }] });
  });

  test("a method that allows nothing else there leaves it to the model's own logits", async () => {
    const { model } = captioning(LISTS, ["dog", "spoon"]);
    const method = verify({ method: vcd({ beta: 1 }) });
    expect((await model.generate({ ...ask, method })).text).toBe("A dog and a spoon.");
  });
});

describe("dropping", () => {
  test("sentences with a doubtful object", async () => {
    const story = "A dog sits. It has a fork! A cup, too. And it is small.";
    const { text, told } = await verified([story], ["dog", "cup"], { mode: "drop" });
    expect(text).toBe("A dog sits. A cup, too. And it is small.");
    expect(told).toMatchObject({ dropped: ["It has a fork!"], left: [], draft: story });
  });

  test("the first one too; not the last that is left", async () => {
    const one = await verified(["A fork. A dog."], ["dog"], { mode: "drop" });
    expect(one.text).toBe("A dog.");
    const none = await verified(["A fork and a dog. A cup."], ["dog"], { mode: "drop" });
    expect(none.text).toBe("A fork and a dog.");
    expect(none.told).toMatchObject({ left: ["A fork and a dog."], dropped: ["A cup."] });
  });
});

describe("the best of several", () => {
  const options = { mode: "best", samples: 6, temperature: 3 } as const;

  test("has fewest doubtful objects, and is the same for the same seed, alone or in a batch", async () => {
    const request = { seed: 5 };
    const { text, told, model, answer } = await verified(LISTS, ["dog", "cup"], options, request);
    expect(text).toBe("A dog and a cup.");
    const { samples, chosen } = told as { samples: string[]; chosen: number };
    expect(samples[0]).toBe(LISTS[0]);
    expect(samples[chosen]).toBe(text);
    expect(new Set(samples).size).toBeGreaterThan(1);
    const method = verify(options);
    const others = [1, 2].map((seed) => ({ ...ask, seed, method }));
    const batch = await model.generateBatch([...others, { ...ask, ...request, method }]);
    expect(batch.at(-1)!.tokens).toEqual(answer.tokens);
    expect(batch.map(({ details }) => details.verify)[0]).not.toEqual(told);
  });

  test("a method inside that samples itself draws anew for each sample", async () => {
    const method = verify({ ...options, method: verify({ mode: "drop" }) });
    const { model } = captioning(LISTS, ["dog", "fork", "cup", "spoon"]);
    const { details } = await model.generate({ ...ask, method });
    expect(new Set((details.verify as { samples: string[] }).samples).size).toBeGreaterThan(1);
  });
});

test("streams and stops as any answer", async () => {
  const { model } = captioning(LISTS, ["dog", "spoon"]);
  let text = "";
  const stream = model.stream({ ...ask, method: verify(), stop: ["spoo"] });
  for await (const piece of stream) text += piece.text;
  const answer = await stream.answer;
  expect([text.trim(), answer.text, answer.finishReason]).toEqual([
    "A dog and a",
    "A dog and a",
    "stop",
  ]);
});

test.each(["rewrite", "drop", "best"] as const)(
  "an object behind a stop text, which nobody sees, is not asked about: %s",
  async (mode) => {
    const request = { stop: ["fork"] };
    const { answer, asked, model } = await verified(LISTS, ["dog"], { mode, samples: 1 }, request);
    expect(answer.tokens).toEqual((await model.generate({ ...ask, ...request })).tokens);
    expect([answer.text, answer.finishReason]).toEqual(["A dog and a", "stop"]);
    expect([...asked].some((question) => question.includes("fork"))).toBe(false);
  },
);

test("time goes to decoding from the draft's first logits on", async () => {
  const { answer } = await verified(LISTS, ["dog"]);
  const { imageMs, prefillMs, decodeMs, totalMs } = answer.timings;
  expect(imageMs + prefillMs + decodeMs).toBeCloseTo(totalMs, 6);
  expect(decodeMs).toBeGreaterThan(0);
});

describe("is refused", () => {
  test("without an image, a place in the wording, or all logits", async () => {
    const { model } = captioning(LISTS, []);
    const refused = (request: object, text: string) =>
      expect(model.generate({ ...ask, method: verify(), ...request })).rejects.toThrow(text);
    await refused({ image: undefined }, "verify needs an image");
    // Before an answer names an object.
    expect(() => verify({ wording: "Is it there?" })).toThrow("{object}");
    for (const method of [verify, selfval]) {
      expect(() => method({ objects: "rug, red table lamp" })).toThrow(/'red table lamp'/);
    }
    expect(() => verify({ mode: "guess" } as never)).toThrow("rewrite, drop, best");
  });
});

test("names what it carries, so that it is made again", () => {
  const method: Method = verify({ objects: "lamp, rug", method: vcd({ alpha: 2 }) });
  expect(methodNamed(method.name, method.settings).settings).toEqual(method.settings);
  expect(method.seeded).toBe(true);
  expect(verify().seeded).toBeUndefined();
  expect(verify({ mode: "best" }).seeded).toBe(true);
});

test("objects of one's own, several images and turns", async () => {
  const { model, asked } = captioning(["A lamp. A dog."], ["dog"]);
  const turns = [
    { role: "user", content: [image, image].map((one) => ({ type: "image", image: one })) },
  ];
  const content = [...turns[0]!.content, { type: "text", text: "Describe." }];
  const answer = await model.generate({
    turns: [{ role: "user", content }] as never,
    method: verify({ objects: "lamp, rug" }),
  });
  expect([answer.text, ids(answer).length]).toEqual(["A dog.", 7]);
  expect([...asked].some((question) => question.includes("Is there a lamp"))).toBe(true);
});

test("inside a method that changes scores, what is drafted is changed", async () => {
  const outer = (method?: Method) =>
    pai({ alpha: 0, gamma: 4, ...(method === undefined ? {} : { method }) });
  const request = { ...ask, maxTokens: 24 };
  const plain = ids(await fakeModel().generate({ ...request, method: outer() }));
  expect(ids(await fakeModel().generate({ ...request, method: outer(verify()) }))).toEqual(plain);
  expect(ids(await fakeModel().generate({ ...request, method: verify() }))).not.toEqual(plain);
});

describe("around a method that drafts its answers itself", () => {
  const inner: Method = {
    name: "fond of c",
    settings: {},
    needs: {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores([output]) {
        output!.logits["c".charCodeAt(0)]! += 1;
        return output!.logits;
      },
    }),
  };
  test.each([
    ["verify", (method: Method) => verify({ threshold: 1e9, method })],
    ["selfval", (method: Method) => selfval({ samples: 1, temperature: 0, method })],
  ])("%s: what is decoded anew is decoded by what that carries", async (_, drafting) => {
    const seen = await Promise.all(
      [inner, drafting(inner)].map(async (method) => {
        const { answer } = await verified(LISTS, ["dog", "cup"], { method });
        return [answer.tokens, (answer.details.verify as { changes: unknown }).changes];
      }),
    );
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]![1]).toEqual([{ object: "fork", how: "rewritten" }]);
  });
});
