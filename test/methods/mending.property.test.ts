/** What `verify` may do to a text, whatever it says and whatever is denied. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { dropSentences } from "../../src/methods/drop-sentences.js";
import type { ObjectChecker } from "../../src/methods/object-checker.js";
import { draftReader } from "../../src/methods/read-draft.js";
import { verify } from "../../src/methods/verify.js";
import { fakeText } from "../../src/testing/fake-tokens.js";
import { image } from "../engine/asked.js";
import { captioning } from "./telling-model.js";

const OBJECTS = ["dog", "cup", "fork", "bed", "spoon"] as const;
const object = fc.constantFrom(...OBJECTS);
const present = fc.uniqueArray(object);
const sentence = fc
  .tuple(
    fc.array(fc.tuple(object, fc.constantFrom(", a ", " and a ", " with a ")), { maxLength: 3 }),
    fc.constantFrom("thing", ...OBJECTS),
    fc.constantFrom(".", "!", '."'),
  )
  .map(([named, last, end]) => `A ${named.flat().join("")}${last}${end}`);
const caption = fc.array(sentence, { minLength: 1, maxLength: 4 }).map((all) => all.join(" "));
const read = draftReader({ decode: fakeText }, null);
const idsOf = (text: string) => [...new TextEncoder().encode(text)];
const named = (text: string) => text.match(/dog|cup|fork|bed|spoon/g) ?? [];

test("sentences are dropped whole, in order and for a doubt, and nothing is added", () => {
  fc.assert(
    fc.property(caption, present, (text, there) => {
      const margin = (name: string) =>
        (there.includes(name as never) ? -1 : 1) * (1 + OBJECTS.indexOf(name as never));
      const checker: Pick<ObjectChecker, "threshold" | "margin"> = { threshold: 0, margin };
      const draft = read(idsOf(text));
      const { ids, facts } = dropSentences(draft, checker as ObjectChecker);
      const parts = ({ sentences, text: whole }: typeof draft) =>
        sentences.map(({ start, end }) => whole.slice(start, end).trim());
      const [before, after] = [parts(draft), parts(read(ids))];
      expect(fakeText(ids).trim()).toBe(after.join(" "));
      const doubtful = (part: string) => named(part).some((name) => margin(name) > 0);
      const kept = before.filter((part) => !doubtful(part));
      expect(after.length).toBeGreaterThan(0);
      if (kept.length > 0) expect(after).toEqual(kept);
      else {
        // The one whose worst object is least doubtful.
        const worst = (part: string) => Math.max(...named(part).map(margin));
        expect(after).toHaveLength(1);
        expect(before).toContain(after[0]);
        expect(worst(after[0]!)).toBe(Math.min(...before.map(worst)));
      }
      const { dropped } = facts as { dropped: string[] };
      expect([...dropped, ...after].sort()).toEqual([...before].sort());
    }),
  );
});

test("rewriting keeps the text in front of the first doubt, all that is certain there, and no doubt where it can", async () => {
  const captions = fc.array(caption, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      captions,
      present,
      fc.integer({ min: 0, max: 3 }),
      async (all, there, rewrites) => {
        const { model } = captioning(all, there);
        const request = { image, prompt: "Describe.", maxTokens: 200 };
        const plain = await model.generate(request);
        const { text, details, tokens } = await model.generate({
          ...request,
          method: verify({ rewrites }),
        });
        const doubtful = (name: string) => !there.includes(name as never);
        const first = named(plain.text).findIndex(doubtful);
        if (first < 0) {
          expect(tokens).toEqual(plain.tokens);
          return;
        }
        expect(text).not.toBe("");
        expect(named(text).slice(0, first)).toEqual(named(plain.text).slice(0, first));
        const { changes } = details.verify as { changes: { object: string; how: string }[] };
        expect(changes.length).toBeGreaterThan(0);
        const left = changes.filter(({ how }) => how === "left").map((change) => change.object);
        for (const name of named(text).filter(doubtful)) expect(left).toContain(name);
        // Whole sentences in front of the one with the doubt are as they were.
        const { sentences, mentions } = read(idsOf(plain.text));
        const doubt = mentions.find((mention) => doubtful(mention.object))!;
        const own = sentences.find(({ end }) => end > doubt.start)!;
        expect(text.startsWith(plain.text.slice(0, own.start).trim())).toBe(true);
        // Nothing is said that no caption says, but the full stop of a sentence that ends earlier.
        const words = new Set(all.join(" ").match(/\w+/g));
        for (const word of text.match(/\w+/g) ?? []) expect(words).toContain(word);
      },
    ),
    { numRuns: 60 },
  );
});
