import { type CauseOptions, causeOf, placePhrases, type TokenEvidence } from "groundsight/diagnose";
import { describe, expect, test } from "vitest";

/** Tokens of an answer with the base ranks of the first pieces of words; all else is said by the base LLM too. */
function tokensOf(pieces: readonly (readonly [string, number | null])[]): TokenEvidence[] {
  let start = 0;
  return pieces.map(([text, rank]) => {
    const end = start + text.length;
    const token = { text, start, end, base: rank === null ? null : { rank } };
    start = end;
    return token as TokenEvidence;
  });
}

const answer = "A dog sits next to a traffic light.";
const ranks = (dog: number | null, next: number | null, traffic: number | null) =>
  tokensOf([
    ["A", 0],
    [" do", dog],
    ["g", 0],
    [" sits", 9],
    [" next", next],
    [" to", 0],
    [" a", 0],
    [" traf", traffic],
    ["fic", 0],
    [" light", 0],
    [".", 0],
  ]);
const at = (text: string) => ({
  start: answer.indexOf(text),
  end: answer.indexOf(text) + text.length,
});
const dog = { ...at("dog"), kind: "object" } as const;
const next = { ...at("next to a traffic"), kind: "relation" } as const;
const sits = { ...at("sits"), kind: "relation-action" } as const;
const similar = ["Is there a hotdog?", "A DOG, next to me.", "traffic"];

describe("the cause of a phrase", () => {
  test.each([
    // eta of "dog" (its first piece), threshold, the samples, the cause
    [0, 0, similar, "language"],
    [1, 0, similar, "instruction-tuning"],
    [1, 1, similar, "language"],
    [2, 1, similar, "instruction-tuning"],
    [1, 0, ["hotdog", "doggy"], "vision"],
    [0, 0, null, "language"],
    [1, 0, null, null],
    [null, 0, similar, null],
  ] as const)(
    "an object of base rank %s, threshold %s, samples %j: %s",
    (eta, threshold, texts, cause) => {
      expect(causeOf(dog, answer, ranks(eta, 5, 5), texts, { threshold }).cause).toBe(cause);
    },
  );

  test.each([
    // Its words: "next" and "traffic".
    [5, 5, ["next", "traffic"], "style"],
    [5, 5, ["traffic is next"], "instruction-tuning"],
    [0, 5, [], "language"],
    [5, 0, [], "language"],
  ] as const)(
    "a relation with words of base rank %s and %s, samples %j: %s",
    (one, other, texts, cause) => {
      expect(causeOf(next, answer, ranks(5, one, other), texts).cause).toBe(cause);
    },
  );

  test("an action that nothing suggests is style, an attribute vision", () => {
    expect(causeOf(sits, answer, ranks(5, 5, 5), []).cause).toBe("style");
    expect(causeOf({ ...sits, kind: "attribute" }, answer, ranks(5, 5, 5), []).cause).toBe(
      "vision",
    );
  });

  test("function words count for nothing, later pieces of a word neither; a list of visual words narrows further", () => {
    const told = causeOf(next, answer, ranks(5, 3, 7), similar);
    expect(told.words).toEqual([
      { text: "next", rank: 3 },
      { text: "traffic", rank: 7 },
    ]);
    const visual: CauseOptions = { visual: new Set(["traffic"]) };
    expect(causeOf(next, answer, ranks(5, 0, 7), similar, visual)).toEqual({
      cause: "instruction-tuning",
      words: [{ text: "traffic", rank: 7 }],
      seenIn: "traffic",
      reason: "similar images were tuned on with it",
    });
    expect(causeOf(sits, answer, ranks(5, 5, 5), similar, visual)).toMatchObject({
      cause: null,
      reason: "no word of it names something visible",
    });
    expect(() => causeOf(dog, answer, [], null, { threshold: 2 as 1 })).toThrow(
      "threshold: received 2; expected 0 or 1",
    );
  });
});

test("named phrases find their places, each its own, and lost ones are told", () => {
  const text = "A Dog, a dog and a hotdog (50% off).";
  const kind = "object";
  const placed = placePhrases(text, [
    { text: "dog", kind },
    { text: "dog ", kind, isTrue: true },
    { text: "dog", kind },
    { text: "(50% off)", kind },
    { text: "", kind },
  ]);
  expect(placed.lost).toEqual(["dog", ""]);
  expect(placed.phrases.map(({ start, isTrue }) => [start, isTrue])).toEqual([
    [2, false],
    [9, true],
    [26, false],
  ]);
});
