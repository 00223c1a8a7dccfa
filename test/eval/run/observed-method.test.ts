import { describe, expect, test } from "vitest";
import { observationsOf, observed } from "../../../src/eval/run/observed-method.js";
import {
  apc,
  averaging,
  described,
  type Method,
  regular,
  type SteeringDirections,
  vcd,
  vdgd,
  vti,
} from "../../../src/index.js";
import { yesAhead, yesNoTokens } from "../../../src/objects/yes-no-tokens.js";
import { fakeModel } from "../../../src/testing/index.js";

const image = { data: Uint8Array.of(9, 9, 9), width: 1, height: 1, channels: 3 } as const;

describe("tokens of yes and no", () => {
  const vocabulary = (words: Readonly<Record<string, number[]>>) => async (text: string) =>
    words[text] ?? [0, 0];

  test("every spelling of one token counts, in order of ids", async () => {
    const encode = vocabulary({
      Yes: [9],
      " Yes": [4],
      yes: [7],
      YES: [1, 2],
      No: [3],
      " no": [8],
    });
    expect(await yesNoTokens(encode)).toEqual({ yes: [4, 7, 9], no: [3, 8] });
  });

  test("where no spelling is one token, first tokens count, those of both words left out", async () => {
    const model = fakeModel();
    // Bytes: Y and y, N and n; the space begins both.
    expect(await yesNoTokens((text) => model.encode(text))).toEqual({
      yes: [89, 121],
      no: [78, 110],
    });
  });
});

describe("how far yes is ahead", () => {
  // p = 0.6, 0.2, 0.1, 0.1: ln(0.6 / 0.2) = 1.0986, 0.6 + 0.2 = 0.8.
  const logits = Float32Array.from([6, 2, 1, 1], (p) => Math.log(p) + 5);

  test("by hand", () => {
    expect(yesAhead(logits, { yes: [0], no: [1] })).toEqual({ margin: 1.0986, mass: 0.8 });
    // ln(0.7 / 0.3) = 0.8473.
    expect(yesAhead(logits, { yes: [0, 2], no: [1, 3] })).toEqual({ margin: 0.8473, mass: 1 });
  });

  test("a side far below the best token still has a margin", () => {
    const far = Float32Array.of(500, 0, -3);
    expect(yesAhead(far, { yes: [1], no: [2] })).toEqual({ margin: 3, mass: 0 });
  });

  test("nothing is told where a side has no token", () => {
    expect(yesAhead(logits, { yes: [0], no: [] })).toEqual({});
  });
});

/** Adds to the logits of the tokens from a place on. */
function adding(amount: number, from = 0): Method {
  return {
    name: "adding",
    settings: {},
    needs: {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores: ([output]) =>
        output!.logits.map((logit: number, i: number) => (i < from ? logit : logit + amount)),
    }),
  };
}

/** The logits of a temperature of 1 / factor. */
function scaled(factor: number): Method {
  return {
    name: "scaled",
    settings: {},
    needs: {},
    start: ({ view }) => ({
      streams: [{ view }],
      scores: ([output]) => output!.logits.map((logit: number) => factor * logit),
    }),
  };
}

describe("what a method changes", () => {
  const model = fakeModel();
  const ask = async (method: Method, greedy: boolean) => {
    const request = { prompt: "Describe it.", image, maxTokens: 12, temperature: greedy ? 0 : 1 };
    const plain = await model.generate({ ...request, method });
    const seen = await model.generate({
      ...request,
      method: observed(method, { tokens: null, greedy }),
    });
    expect(seen.tokens).toEqual(plain.tokens);
    expect(seen.method).toEqual(plain.method);
    return observationsOf(seen.details).changed;
  };

  test("the plausibility constraint changes nothing under greedy decoding, and all under sampling", async () => {
    expect(await ask(apc(), true)).toBe(0);
    expect(await ask(apc(), false)).toBeGreaterThan(9);
  });

  test("the model's own logits, and those with a constant added, are no change", async () => {
    expect(await ask(regular(), true)).toBe(0);
    expect(await ask(regular(), false)).toBe(0);
    expect(await ask(adding(7.3), false)).toBe(0);
    expect(await ask(adding(7.3, 100), false)).toBeGreaterThan(9);
  });

  test("a method that changes what the model is shown cannot be compared with it", async () => {
    expect(await ask(described({ description: "A dog." } as never), true)).toBeUndefined();
  });

  test("vcd of strength 0 is the plausibility constraint, and without that nothing at all", async () => {
    expect(await ask(vcd({ alpha: 0 }), true)).toBe(0);
    expect(await ask(vcd({ alpha: 0 }), false)).toBeGreaterThan(9);
    expect(await ask(vcd({ alpha: 0, beta: 0 }), false)).toBe(0);
    expect(await ask(vcd({ alpha: 3, beta: 0 }), false)).toBeGreaterThan(0);
  });

  test("a lower temperature changes nothing under greedy decoding, and all under sampling", async () => {
    expect(await ask(scaled(2), true)).toBe(0);
    expect(await ask(scaled(2), false)).toBeGreaterThan(9);
    expect(await ask(scaled(1), false)).toBe(0);
  });

  test("steering at strength 0 changes nothing; at another it cannot be compared", async () => {
    const text = { layers: 1, positions: 1, width: 1, data: Float32Array.of(1) };
    const directions: SteeringDirections = { modelHash: await model.hash(), facts: {}, text };
    const off = vti({ directions, image: 0, text: 0 });
    expect(await ask(off, true)).toBe(0);
    expect(await ask(off, false)).toBe(0);
    expect(await ask(vti({ directions, image: 0, text: 0, method: apc() }), false)).toBeGreaterThan(
      9,
    );
  });

  test("methods that describe or average show their first stream another question, and cannot be compared", async () => {
    expect(await ask(vdgd(), true)).toBeUndefined();
    expect(await ask(averaging(), true)).toBeUndefined();
  });

  test("the margin is that of the raw logits, whatever the method makes of them", async () => {
    const tokens = await yesNoTokens((text) => model.encode(text));
    const request = { prompt: "A dog?", image, maxTokens: 3 };
    const margins = [regular(), apc(), adding(9, 100)].map(async (method) => {
      const { details } = await model.generate({
        ...request,
        method: observed(method, { tokens, greedy: true }),
      });
      return observationsOf(details).margin;
    });
    const [first, ...others] = await Promise.all(margins);
    expect(first).toBeTypeOf("number");
    expect(others).toEqual([first, first]);
  });

  test("of an engine that shows only the best tokens there is no margin", async () => {
    const narrow = fakeModel({ best: 5 });
    const tokens = await yesNoTokens((text) => narrow.encode(text));
    const method = observed(regular(), { tokens, greedy: true });
    const { details } = await narrow.generate({ prompt: "A dog?", method, maxTokens: 2 });
    expect(observationsOf(details)).toEqual({ changed: 0 });
  });

  test("what is no method is refused by the model, as without being looked at", async () => {
    const method = observed("vcd" as never, { tokens: null, greedy: true });
    await expect(model.generate({ prompt: "A dog?", method })).rejects.toThrow(
      'method: received "vcd"; expected a method',
    );
  });
});
