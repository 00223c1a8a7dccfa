import { describe, expect, test } from "vitest";
import type { Question } from "../../../src/eval/contract/benchmark.js";
import { isAbout, splitQuestions } from "../../../src/eval/run/split-questions.js";
import { groupBy } from "../../../src/math/group-by.js";

/** Questions about images, as far as a split looks at them. */
function about(...images: (string | null)[]): Question[] {
  return images.map(
    (image, i) => ({ id: `${i}`, image, cluster: image ?? `q${i}` }) as unknown as Question,
  );
}
const names = Array.from({ length: 2000 }, (_, i) => `COCO_val2014_${i}.jpg`);
const split = { seed: 0, share: 0.2 };
const imagesOf = (questions: readonly Question[]) => new Set(questions.map(({ image }) => image));

test("parts share no image, and together are all questions", () => {
  const questions = about(...names, ...names);
  const [dev, rest] = (["dev", "test"] as const).map((part) =>
    splitQuestions(questions, { part, ...split }),
  );
  expect(dev!.length + rest!.length).toBe(4000);
  const tested = imagesOf(rest!);
  expect([...imagesOf(dev!)].filter((image) => tested.has(image))).toEqual([]);
  // 400 of 2,000 are expected, with a standard deviation of 18.
  expect(Math.abs(imagesOf(dev!).size - 400)).toBeLessThan(72);
});

test("an image falls to one part in every file, and to others under another seed", () => {
  const devOf = (files: string[], seed: number) =>
    imagesOf(splitQuestions(about(...files), { part: "dev", share: 0.2, seed }));
  const whole = devOf(names, 0);
  expect(devOf(names.slice(1000), 0)).toEqual(
    new Set([...whole].filter((name) => names.indexOf(name!) >= 1000)),
  );
  expect(devOf(names, 1)).not.toEqual(whole);
});

test("questions of one cluster stay together, whatever images they are about", () => {
  const pairs = about(...names).map((one, i) => ({ ...one, cluster: `${i >> 1}` }));
  const dev = splitQuestions(pairs, { part: "dev", ...split });
  const clusters = groupBy(dev, ({ cluster }) => cluster);
  expect([...clusters.values()].every((members) => members.length === 2)).toBe(true);
});

test("clusters that share an image stay together, so that no part has the other's image", () => {
  // Each cluster asks about two images, and shares one with the next; every tenth begins anew.
  const chain = names.flatMap((_, i) =>
    [i, i % 10 === 9 ? i : i + 1].map(
      (image) => ({ id: `${i}-${image}`, image: names[image], cluster: `${i}` }) as Question,
    ),
  );
  const [dev, rest] = (["dev", "test"] as const).map((part) =>
    splitQuestions(chain, { part, ...split }),
  );
  const tested = imagesOf(rest!);
  expect(dev!.length).toBeGreaterThan(0);
  expect([...imagesOf(dev!)].filter((image) => tested.has(image))).toEqual([]);
});

test.each([
  ["x.png", "existence/x.png", true],
  ["existence/x.png", "x.png", true],
  ["a/existence/x.png", "existence/x.png", true],
  ["count/x.png", "existence/x.png", false],
  ["x.png", "max.png", false],
])("%s and %s are the same image: %s", (one, other, same) => {
  expect(isAbout([one])({ image: other, id: "1" })).toBe(same);
});

describe("refused", () => {
  test.each([0, 1, Number.NaN, -0.5])("a dev share of %d", (share) => {
    expect(() => splitQuestions([], { part: "dev", seed: 0, share })).toThrow(
      `dev share: received ${share}; expected a number between 0 and 1`,
    );
  });

  test("a seed that is no integer", () => {
    expect(() => splitQuestions([], { part: "dev", seed: 0.5, share: 0.2 })).toThrow(/split seed/);
  });
});
