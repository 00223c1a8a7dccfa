/** Self-verification of a text by whoever answers questions about its objects. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { sentencesOf } from "../../src/objects/sentences.js";
import {
  doubtfulMentions,
  dropDoubtful,
  markDoubtful,
  type ObjectAnswer,
  type VerifyTextOptions,
  verifyText,
} from "../../src/objects/verify-text.js";
import { noAhead } from "../../src/objects/yes-no-answer.js";

/** Verifies a text by what is said of each object, and tells what was asked. */
async function verified(
  text: string,
  answers: Readonly<Record<string, string | ObjectAnswer>>,
  options: VerifyTextOptions = {},
) {
  const asked: string[] = [];
  const ask = async (question: string): Promise<ObjectAnswer> => {
    const object = /Is there an? (.*) in the image\?/.exec(question)![1]!;
    asked.push(object);
    const answer = answers[object] ?? "Yes";
    return typeof answer === "string" ? { text: answer } : answer;
  };
  return { ...(await verifyText(text, ask, options)), asked };
}

const TEXT = "A dog sits on a couch. Two forks lie by an orange. The Dogs sleep.";

describe("what is asked", () => {
  test("each object once, by the name that it stands for, with its article", async () => {
    const { asked, calls, mentions } = await verified(TEXT, {});
    expect(asked).toEqual(["dog", "couch", "fork", "orange"]);
    expect(calls).toBe(4);
    const words = mentions.map(({ start, end }) => TEXT.slice(start, end));
    expect(words).toEqual(["dog", "couch", "forks", "orange", "Dogs"]);
  });

  test("nothing of a text without objects, and no colour", async () => {
    expect((await verified("The wall is orange.", {})).asked).toEqual([]);
  });

  test("further names count, and known verdicts are not asked for again", async () => {
    const first = await verified("A lamp and a dog.", { lamp: "No." }, { objects: ["lamp"] });
    expect(first.asked).toEqual(["lamp", "dog"]);
    const options = { objects: ["lamp"], known: first.verdicts };
    const again = await verified("A lamp and a cat.", {}, options);
    expect(again.asked).toEqual(["cat"]);
    expect(again.verdicts.map(({ object, doubtful }) => [object, doubtful])).toEqual([
      ["lamp", true],
      ["cat", false],
    ]);
  });

  test("at most as many as allowed, and at most so many at a time", async () => {
    const { asked, unasked, verdicts, mentions } = await verified(TEXT, {}, { maxObjects: 3 });
    expect([asked.length, verdicts.length, unasked]).toEqual([3, 3, ["orange"]]);
    expect(mentions.find(({ object }) => object === "orange")).not.toHaveProperty("verdict");
    let [now, most] = [0, 0];
    const slow = async () => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
      return { text: "Yes" };
    };
    await verifyText(TEXT, slow, { concurrency: 2 });
    expect(most).toBe(2);
  });

  test("nothing further behind an error", async () => {
    let calls = 0;
    const ask = async () => {
      calls++;
      throw new Error("gone");
    };
    await expect(verifyText(TEXT, ask, { concurrency: 1 })).rejects.toThrow("gone");
    await sleep(5);
    expect(calls).toBe(1);
  });

  test.each([
    [{ wording: "Is it there?" }, /wording: .*\{object\}/],
    [{ maxObjects: -1 }, /maxObjects: received -1/],
    [{ concurrency: 0 }, /concurrency: received 0/],
    [{ threshold: Number.NaN }, /threshold: /],
    [{ objects: ["a very long name"] }, /objects: received 'a very long name'/],
    [{ treshold: 1 } as object, /did you mean threshold/],
  ])("refuses %o", async (options, message) => {
    await expect(verified(TEXT, {}, options)).rejects.toThrow(message);
  });
});

describe("what is doubted", () => {
  test("a first word no, and nothing that is neither yes nor no", async () => {
    const answers = { dog: "no, there is not", couch: "**No**", fork: "I cannot see.", orange: "" };
    const { verdicts } = await verified(TEXT, answers);
    expect(verdicts.map(({ says, doubtful }) => [says, doubtful])).toEqual([
      ["no", true],
      ["no", true],
      ["unparsed", false],
      ["unparsed", false],
    ]);
  });

  test("a margin above the threshold, whatever the text says", async () => {
    const likeliest = [
      { token: "Yes", logprob: Math.log(0.5) },
      { token: " no", logprob: Math.log(0.2) },
      { token: "No", logprob: Math.log(0.1) },
      { token: "Maybe", logprob: Math.log(0.05) },
    ];
    const answers = { dog: { text: "Yes", likeliest } };
    const doubtful = async (threshold: number) =>
      (await verified("A dog.", answers, { threshold })).verdicts[0];
    const margin = Math.log(0.3 / 0.5);
    expect(await doubtful(0)).toMatchObject({ doubtful: false, margin: expect.closeTo(margin) });
    expect(await doubtful(-1)).toMatchObject({ doubtful: true });
  });

  test("of yes or no alone the other is at most the least likely; without both there is no margin", () => {
    const of = (...pairs: [string, number][]) =>
      noAhead(pairs.map(([token, chance]) => ({ token, logprob: Math.log(chance) })));
    expect(of(["Yes", 0.9], ["The", 0.01])).toBeCloseTo(Math.log(0.01 / 0.9));
    expect(of(["The", 0.5], ["\u2581NO", 0.4])).toBeCloseTo(0);
    expect(of(["Yes", 0.9], ["No", 0])).toBeLessThan(-700);
    expect(of(["Yesterday", 0.9], ["None", 0.1])).toBeUndefined();
    expect(of()).toBeUndefined();
  });
});

describe("what becomes of it", () => {
  test("sentences without anything doubtful stay as they are", async () => {
    const text = await verified(TEXT, { fork: "No" });
    expect(dropDoubtful(text)).toEqual({
      text: "A dog sits on a couch. The Dogs sleep.",
      dropped: ["Two forks lie by an orange."],
    });
    expect(doubtfulMentions(text).map(({ word, start }) => [word, start])).toEqual([["fork", 27]]);
    expect(markDoubtful(text)).toBe(TEXT.replace("forks", "forks [?]"));
    expect(markDoubtful(text, (words) => `~${words}~`)).toBe(TEXT.replace("forks", "~forks~"));
  });

  test("never nothing: the least doubtful sentence stays", async () => {
    const likeliest = [
      { token: "No", logprob: -0.2 },
      { token: "Yes", logprob: -2 },
    ];
    const answers = { dog: "No", cat: { text: "No", likeliest }, cup: "No" };
    const text = await verified("A dog. A cat. A cup.", answers);
    expect(dropDoubtful(text)).toEqual({
      text: "A cat.",
      dropped: ["A dog.", "A cup."],
      left: "A cat.",
    });
  });

  test("of a single sentence its end goes, from the first doubtful phrase on", async () => {
    const of = async (text: string, ...doubtful: string[]) => {
      const answers = Object.fromEntries(doubtful.map((object) => [object, "No"]));
      const { text: left, cut } = dropDoubtful(await verified(text, answers));
      return [left, cut];
    };
    const list = "It shows a dog, a cat that is red, and a fork that is blue!";
    expect(await of(list, "fork")).toEqual([
      "It shows a dog, a cat that is red!",
      ", and a fork that is blue!",
    ]);
    expect(await of(list, "cat")).toEqual([
      "It shows a dog!",
      ", a cat that is red, and a fork that is blue!",
    ]);
    expect(await of("A dog on a couch", "couch")).toEqual(["A dog.", "on a couch"]);
    expect(await of("A dog and a cat.", "dog")).toEqual(["A dog and a cat.", undefined]);
  });

  test("items of lists go alone, with their numbers", async () => {
    const list = "There are:\n1. A dog\n2. A fork\n\n- a couch\n- an orange";
    const text = await verified(list, { fork: "No", orange: "No" });
    expect(dropDoubtful(text).text).toBe("There are:\n1. A dog\n- a couch");
  });

  test("sentences and lines are the text, one behind the other", () => {
    const text = 'He said "Go!" (Yes.) It is 3.5 m.  \n\n \nAn end\nwithout a mark';
    const parts = sentencesOf(text).map(({ start, end }) => text.slice(start, end));
    expect(parts.join("")).toBe(text);
    expect(parts.map((part) => part.trim())).toEqual([
      'He said "Go!"',
      "(Yes.)",
      "It is 3.5 m.",
      "An end",
      "without a mark",
    ]);
    expect(sentencesOf("").map(({ start, end }) => [start, end])).toEqual([[0, 0]]);
  });
});
