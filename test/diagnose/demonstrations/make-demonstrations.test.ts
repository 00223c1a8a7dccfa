import fc from "fast-check";
import { makeDemonstrations, type TrueCaption } from "groundsight/diagnose";
import { objectFinder } from "groundsight/eval";
import { expect, test } from "vitest";

const captions: TrueCaption[] = [
  { image: "1", caption: "The image shows a cup, a dog and a cat." },
  { image: "2", caption: "The image shows a dog, a cat and a vase that is orange." },
  { image: "3", caption: "The image shows a dog and a cat.", prompt: "What is there?" },
  { image: "4", caption: "A cat." },
  { image: "5", caption: "A man on a horse, and nothing else." },
];
const made = makeDemonstrations(captions, { partners: 1 });
const of = (image: string) =>
  Object.fromEntries(made.rows.filter((row) => row.image === image).map((row) => [row.kind, row]));

test("an absent object is put in at the end as other captions put it, the strongest partner", () => {
  // P(vase | dog) = P(cup | dog) = 1/3: ties go by name.
  expect(of("3")).toEqual({
    inserted: {
      image: "3",
      text: "What is there?",
      caption: "The image shows a dog and a cat.",
      hallucinated: "The image shows a dog, a cat and a cup.",
      kind: "inserted",
      object: "cup",
    },
    replaced: expect.objectContaining({ hallucinated: "The image shows a dog and a cup." }),
    dropped: expect.objectContaining({
      caption: "The image shows a dog.",
      hallucinated: "The image shows a dog and a cat.",
      object: "cat",
    }),
  });
  expect(of("1").inserted?.hallucinated).toBe(
    "The image shows a cup, a dog, a cat and a vase that is orange.",
  );
});

test("a replaced thing keeps the number of words, and a dropped one its grammar", () => {
  // "a vase that is orange" has five words, no absent object of this set is put in as many.
  expect(of("2").replaced).toBeUndefined();
  expect(of("2").dropped?.caption).toBe("The image shows a dog and a cat.");
  expect(of("4").dropped).toBeUndefined();
  expect(of("5")).toEqual({});
  expect(made.skipped).toEqual({ inserted: 1, replaced: 3, dropped: 2 });
});

test("objects that are there without being named are never put in", () => {
  const objects = new Map(captions.map(({ image }) => [image, ["cup", "vase"]]));
  const rows = () => makeDemonstrations(captions, { objects, kinds: ["inserted"] }).rows;
  expect(rows().map(({ object }) => object)).not.toContain("vase");
  objects.delete("4");
  expect(rows).toThrow("objects: none of image 4; expected those of every captioned image");
});

test("captions that list nothing make no pair, and say why", () => {
  expect(() => makeDemonstrations([{ image: "1", caption: "Blue." }])).toThrow(
    "no pair can be made of 1 captions: expected captions that list things",
  );
  expect(() => makeDemonstrations(captions, { partners: 0 })).toThrow(
    "partners: received 0; expected an integer of at least 1",
  );
});

test("any lists: the absent object is the one difference, and seeds decide which", () => {
  const name = fc.constantFrom("cup", "dog", "cat", "vase", "bus", "train", "bed");
  const list = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
  const { find } = objectFinder({ rule: "colour-aware" });
  const named = (text: string) => find(text).map(({ object }) => object);
  fc.assert(
    fc.property(fc.array(list, { minLength: 8, maxLength: 12 }), fc.nat(), (lists, seed) => {
      const set = lists.map((names, i) => ({
        image: `${i}`,
        caption: `It shows a ${names.join(", a ").replace(/, (?=[^,]*$)/, " and ")}.`,
      }));
      const run = () => makeDemonstrations(set, { seed }).rows;
      let rows: ReturnType<typeof run>;
      try {
        rows = run();
      } catch {
        return;
      }
      expect(run()).toEqual(rows);
      for (const { caption, hallucinated, kind, object, image } of rows) {
        const there = named(set[Number(image)]!.caption);
        expect(there.includes(object)).toBe(kind === "dropped");
        const [less, more] = [named(caption), named(hallucinated)];
        if (kind === "replaced") expect(more).toEqual([...less.slice(0, -1), object]);
        else expect(more).toEqual([...less, object]);
      }
    }),
    { numRuns: 25 },
  );
});
