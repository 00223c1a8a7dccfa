/** What a model says of objects when it is asked back, on logits that are known. */
import { describe, expect, test } from "vitest";
import { anyElement, verifyObjects } from "../../../src/diagnose/trust/ask-back.js";
import { questionAbout } from "../../../src/objects/ask-about.js";
import { fakeModel } from "../../../src/testing/fake-model.js";
import { image } from "../../engine/asked.js";

const bytes = (text: string) => [...new TextEncoder().encode(text)];
const WORDING = "Is there a {object} in the image?";

/** A model of which the logits behind a text are told. */
function model(logitsOf: (text: string) => Readonly<Record<string, number>>) {
  return fakeModel({
    logits: (context) => {
      const text = new TextDecoder().decode(
        Uint8Array.from(context.filter(({ id }) => id < 256).map(({ id }) => id)),
      );
      const logits = new Float32Array(259);
      for (const [byte, logit] of Object.entries(logitsOf(text))) logits[bytes(byte)[0]!] = logit;
      return logits;
    },
  });
}

describe("self-verification", () => {
  test("tells how far no is ahead of yes, for each object its own", async () => {
    const asked = new Set<string>();
    const some = model((text) => {
      asked.add(text);
      return text.includes("fork") ? { Y: 1, y: 1, N: 4, n: 2 } : { Y: 6, N: 1 };
    });
    const margins = await verifyObjects(some, image, ["fork", "apple"], { wording: WORDING });
    const lse = (...values: number[]) => Math.log(values.reduce((s, v) => s + Math.exp(v), 0));
    // Bytes as tokens: words begin with these, with and without a capital.
    expect(margins[0]).toBeCloseTo(lse(4, 2) - lse(1, 1), 3);
    expect(margins[1]).toBeCloseTo(lse(1, 0) - lse(6, 0), 3);
    expect([...asked].some((text) => text.includes("Is there an apple in the image?"))).toBe(true);
  });

  test("any number of objects, each asked about once", async () => {
    const names = Array.from({ length: 70 }, (_, i) => `thing ${i}`);
    let asked = 0;
    const some = model((text) => {
      asked++;
      return { Y: Number(/thing (\d+)/.exec(text)![1]), N: 0 };
    });
    const margins = await verifyObjects(some, image, names, { wording: WORDING });
    expect(asked).toBe(70);
    expect(margins[60]! - margins[50]!).toBeCloseTo(-10, 3);
  });

  test("an article agrees; a wording without a place is refused", () => {
    expect(questionAbout("apple", "A {object}, a {object} or data {object}?")).toBe(
      "An apple, an apple or data apple?",
    );
    expect(questionAbout("fork", WORDING)).toBe("Is there a fork in the image?");
    expect(questionAbout("$& sign", WORDING)).toBe("Is there a $& sign in the image?");
    expect(() => questionAbout("fork", "Is it there?")).toThrow("{object}");
  });
});

describe("any element", () => {
  const ask = { prompt: "Describe any element." };

  test("is the product of the tokens' probabilities, summed over spellings", async () => {
    const some = model((text) => {
      const said = text.slice(text.lastIndexOf("MODEL:") + 6);
      if (said === "") return { C: 3, c: 2, d: 1 };
      if (said === "C") return { a: 5 };
      if (said === "c") return { a: 1, o: 4 };
      return { t: 2 };
    });
    const p = (logits: readonly number[], at: number, rest: number) =>
      Math.exp(logits[at]!) / (logits.reduce((s, l) => s + Math.exp(l), 0) + rest);
    const [first, second] = [
      p([3, 2, 1], 0, 256) * p([5], 0, 258) * p([2], 0, 258),
      p([3, 2, 1], 1, 256) * p([1, 4], 0, 257) * p([2], 0, 258),
    ];
    const [cat, cot] = await anyElement(some, image, ["cat", "cot"], ask);
    expect(cat).toBeCloseTo(Math.log(first! + second!), 4);
    expect(cot).toBeGreaterThan(cat! - 10);
  });

  test("never asked of the model for no object, and finite for what cannot be", async () => {
    expect(await anyElement(fakeModel(), image, [], ask)).toEqual([]);
    const never = model(() => ({ x: 200 }));
    const [chance] = await anyElement(never, image, ["dog"], ask);
    expect(chance).toBeLessThan(-80);
    expect(Number.isFinite(chance)).toBe(true);
  });
});
