import { describe, expect, test } from "vitest";
import { benchmarkNamed } from "../../../src/eval/benchmarks/registry.js";
import { analysed } from "../analysed.js";

const chair = benchmarkNamed("chair");

/** A series of captions, one for each image. */
interface Captions {
  readonly method: string;
  readonly seed?: number | null;
  readonly captions: readonly string[];
}

/** The analysis of captions of images with these objects. */
function analyseCaptions(
  objects: readonly (readonly string[])[],
  given: readonly Captions[],
): ReturnType<typeof analysed> {
  const truth = Object.fromEntries(objects.map((names, i) => [`${i}.png`, names]));
  const questions = chair.load({
    data: null,
    truth: { name: "truth", text: JSON.stringify(truth) },
  });
  return analysed(
    { name: "set", benchmark: chair, rule: "chair" },
    given.map(({ method, seed = null, captions }) => ({
      method,
      seed,
      answered: questions.map((question, i) => ({
        question,
        answer: captions[i]!,
        verdict: null,
      })),
      timings: [],
    })),
  );
}

/** Words that name no object. */
const filler = (words: number) => Array.from({ length: words }, (_, i) => `so${i}`).join(" ");

describe("what captions are like", () => {
  test("hand-worked: words, repetitions, CHAIR over the first words", () => {
    // 2 words to the dog, 18 more to the cat, which is not there; and three words, four times.
    const early = `A dog ${filler(17)} cat`;
    const loop = "a dog ran a dog ran a dog ran a dog ran";
    const { behaviour } = analyseCaptions(
      [["dog"], ["dog"]],
      [{ method: "regular", captions: [early, loop] }],
    );
    const value = (name: string) => behaviour[0]?.figures[name]?.value.value;
    expect(value("mean_words")).toBe((20 + 12) / 2);
    expect(value("repeating_answers")).toBe(0.5);
    // 17 4-grams, all new, and 9, of which three are new.
    expect(value("repeated_4grams")).toBeCloseTo(6 / 26, 12);
    // In the first 16 words no cat was named.
    expect(value("chair_i_first_16_words")).toBe(0);
    expect(value("chair_s_first_16_words")).toBe(0);
    expect(value("chair_i_first_32_words")).toBeCloseTo(100 / 6, 12);
    expect(value("chair_s_first_32_words")).toBe(50);
    expect(value("recall_first_16_words")).toBe(100);
  });

  test("answers of other kinds have no CHAIR over their first words", () => {
    const rubric = benchmarkNamed("rubric");
    const row = { question_id: 1, image: "a.png", text: "?", answer: "a", rubric: ["a"] };
    const questions = rubric.load({
      data: { name: "q", text: JSON.stringify([row]) },
      truth: null,
    });
    const answered = [{ question: questions[0]!, answer: "It is a cup", verdict: null }];
    const set = { name: "set", benchmark: rubric, rule: "keywords" };
    const { behaviour, frontier } = analysed(set, [
      { method: "regular", seed: null, answered, timings: [] },
    ]);
    expect(Object.keys(behaviour[0]?.figures ?? {})).toEqual([
      "mean_words",
      "repeating_answers",
      "repeated_4grams",
      "hit_limit",
    ]);
    expect(behaviour[0]?.figures.mean_words?.value.value).toBe(4);
    expect(frontier).toBeNull();
  });
});

describe("recall against hallucination", () => {
  const images = 40;
  const objects = Array.from({ length: images }, () => ["dog", "cup"]);
  // The dog at once; after 20 words the cup, and in every second image a cat that is not there.
  const whole = objects.map((_, i) => `A dog ${filler(20)} cup ${i % 2 === 0 ? "and a cat" : ""}`);
  const cut = whole.map((text) => text.split(" ").slice(0, 16).join(" "));
  const halfCut = whole.map((text, i) => (i % 4 < 2 ? cut[i]! : text));
  const truer = whole.map((text) => text.replace(" and a cat", ""));
  const { frontier, comparisons } = analyseCaptions(objects, [
    { method: "regular", captions: whole },
    { method: "shorter", captions: halfCut },
    { method: "truer", captions: truer },
  ]);
  const of = (method: string) => frontier?.comparisons.find((one) => one.method === method);

  test("hand-worked: half of the captions cut is nothing new, though CHAIR_s falls", () => {
    // Whole: 20 cats of 100 objects named. Half of them cut: 10 of 70, which is what a mixture has.
    expect(comparisons.find(({ method }) => method === "shorter")).toMatchObject({
      metric: "chair_s",
      difference: -25,
      shown: true,
    });
    expect(of("shorter")?.recall).toBe(75);
    expect(of("shorter")?.baseline).toBeCloseTo(1000 / 70, 10);
    expect(of("shorter")?.difference).toBeCloseTo(0, 10);
    expect(of("shorter")).toMatchObject({ shown: false });
    expect(of("shorter")?.verdict).toMatch(
      /^no difference shown between shorter and regular with its captions cut shorter: at Object recall 75\.0, where cut captions have CHAIR_i 14\.3, -?0\.00 points/,
    );
  });

  test("the same recall without the cats is better, by Holm's correction too", () => {
    expect(of("truer")).toMatchObject({ recall: 100, baseline: 20, difference: -20, shown: true });
    expect(of("truer")?.verdict).toMatch(/^truer is better than regular with its captions cut/);
    expect(of("truer")!.adjustedPValue).toBeCloseTo(2 * of("truer")!.pValue, 12);
  });

  test("the points are the methods and regular's captions cut to each length", () => {
    expect(frontier?.points.map(({ name, baseline }) => [name, baseline])).toEqual([
      ["regular", false],
      ...[16, 32, 64, 128].map((n) => [`regular, first ${n} words`, true]),
      ["shorter", false],
      ["truer", false],
    ]);
    expect(frontier?.points[1]?.recall.value).toBe(50);
    expect(frontier?.points[1]?.hallucination.value).toBe(0);
  });

  test("every metric is compared with regular", () => {
    const found = frontier?.differences.filter(({ method }) => method === "truer");
    const differences = new Map(found?.map(({ metric, difference }) => [metric, difference]));
    expect(differences.get("chair_i")).toBe(-20);
    expect(differences.get("recall")).toBe(0);
    // 80 objects in the images of 100 named.
    expect(differences.get("precision")).toBe(20);
  });
});

test("captions that end early by a control are on no trial, and no captions are cut to them", () => {
  const objects = Array.from({ length: 8 }, () => ["dog"]);
  const captions = objects.map((_, i) => (i % 2 === 0 ? "A dog and a cat" : "A dog"));
  const given = [
    { method: "regular", captions },
    { method: "eos", captions: objects.map(() => "A dog") },
  ];
  const { methods, frontier, controls } = analyseCaptions(objects, given);
  expect(methods.map(({ method }) => method)).toEqual(["regular", "eos"]);
  expect(frontier?.points.map(({ name }) => name)).toContain("eos");
  expect([frontier?.comparisons, frontier?.differences, controls]).toEqual([[], [], []]);
});
