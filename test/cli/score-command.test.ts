import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { generatePopeCommand } from "../../src/cli/generate-pope-command.js";
import { scoreCommand } from "../../src/cli/score-command.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "score-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function file(name: string, content: unknown): Promise<string> {
  const rows = Array.isArray(content) ? content.map((row) => JSON.stringify(row)).join("\n") : null;
  await writeFile(join(folder, name), rows ?? JSON.stringify(content));
  return join(folder, name);
}

async function score(...args: string[]): Promise<string> {
  let output = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += String(text);
    return true;
  });
  await scoreCommand().parseAsync(args, { from: "user" });
  return output;
}

test("score chair prints the figures in percent as flat JSON", async () => {
  const captions = await file("captions.jsonl", [
    { image_id: 1, caption: "A dog and a car." },
    { image_id: 2, caption: "A cat." },
  ]);
  const truth = await file("objects.json", { "1": ["dog"], "2": ["cat"] });
  const printed = JSON.parse(await score("chair", captions, "--truth", truth, "--json"));
  expect(printed).toMatchObject({
    chair_i: 100 / 3,
    chair_s: 50,
    recall: 100,
    mean_words: 3.5,
    n: 2,
    rule: "chair",
  });
});

const QUESTIONS = ["yes", "no"].map((label, i) => ({
  question_id: i + 1,
  image: "a.png",
  text: "?",
  label,
}));

test("score pope: the rule is an option, undefined figures are null with their reason", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const answers = await file("answers.jsonl", [
    { question_id: 1, text: "I cannot say" },
    { question_id: 2, text: "I cannot say" },
  ]);
  const args = ["pope", answers, "--truth", truth, "--json"];
  expect(JSON.parse(await score(...args))).toMatchObject({ accuracy: 0.5, yes_ratio: 1 });
  expect(JSON.parse(await score(...args, "--rule", "vcd"))).toMatchObject({
    accuracy: 0.5,
    yes_ratio: 0,
    precision: null,
    undefined: { precision: "no answer said yes" },
  });
});

test("answers of several methods are scored apart; text output names rule and n", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const rows = ["regular", "vcd"].flatMap((method) =>
    QUESTIONS.map(({ question_id }) => ({ question_id, method, text: "Yes" })),
  );
  const output = await score("pope", await file("answers.jsonl", rows), "--truth", truth);
  expect(output).toContain("POPE, regular, rule pope, n = 2");
  expect(output).toContain("POPE, vcd, rule pope, n = 2");
  // One image: nothing is known about others, and the reader is told.
  expect(output).toMatch(/Accuracy +50\.0% +1\.3 to 98\.8/);
  expect(output).toContain("only 1 image: below 20");
});

test("missing answers are refused unless allowed", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const answers = await file("answers.jsonl", [{ question_id: 1, text: "Yes" }]);
  await expect(score("pope", answers, "--truth", truth)).rejects.toThrow(
    "1 of 2 questions have no answer, first 2 (truth.jsonl line 2); allow this with --partial",
  );
  expect(await score("pope", answers, "--truth", truth, "--partial")).toContain("n = 1");
});

test("with --partial, answers without question are left out and counted too", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const answers = await file("answers.jsonl", [
    { question_id: 1, text: "Yes" },
    { question_id: 7, text: "Yes" },
    { question_id: 8, text: "Yes" },
  ]);
  await expect(score("pope", answers, "--truth", truth)).rejects.toThrow(
    "answers.jsonl line 2: id 7 is not in the truth file\nanswers.jsonl line 3: id 8 is not in the truth file\nleave such answers out with --partial",
  );
  const args = ["pope", answers, "--truth", truth, "--partial"];
  expect(JSON.parse(await score(...args, "--json"))).toMatchObject({
    n: 1,
    accuracy: 1,
    withoutAnswer: 1,
    withoutQuestion: 2,
  });
  const text = await score(...args);
  expect(text).toContain("questions left out, without answer: 1");
  expect(text).toContain("answers left out, without question: 2");
});

test.each([[], ["--partial"]])(
  "answers of which none has a question are refused %j",
  async (...more) => {
    const truth = await file("truth.jsonl", QUESTIONS);
    const rows = [7, 8, 9, 10].map((question_id) => ({ question_id, text: "Yes" }));
    const args = ["pope", await file("answers.jsonl", rows), "--truth", truth, ...more];
    await expect(score(...args)).rejects.toThrow(
      "none of 4 answers belongs to one of 2 questions: answers have the ids 7, 8, 9 (first: answers.jsonl line 1); " +
        "questions have 1, 2 (first: truth.jsonl line 1). Give the truth that these answers are for, or the questions' ids",
    );
  },
);

test("of several methods the one whose answers have no question is refused by name", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const rows = [
    ["regular", 1],
    ["vcd", 7],
  ].map(([method, question_id]) => ({
    ...{ question_id, method, text: "Yes" },
  }));
  const answers = await file("answers.jsonl", rows);
  await expect(score("pope", answers, "--truth", truth, "--partial")).rejects.toThrow(
    "none of 1 answers of vcd belongs to one of 2 questions",
  );
});

test("what is undefined has no unit", async () => {
  const truth = await file("truth.jsonl", QUESTIONS);
  const answers = await file("answers.jsonl", [
    { question_id: 1, text: "No" },
    { question_id: 2, text: "No" },
  ]);
  const text = await score("pope", answers, "--truth", truth);
  expect(text).toMatch(/Precision +undefined \(no answer said yes\)\n/);
});

describe("several files", () => {
  const files = async () => ({
    truth: await file("truth.jsonl", QUESTIONS),
    other: await file("other.jsonl", [{ ...QUESTIONS[0], image: "b.png" }]),
    two: await file("two.jsonl", [
      { question_id: 1, text: "Yes" },
      { question_id: 2, text: "Yes" },
    ]),
    one: await file("one.jsonl", [{ question_id: 1, text: "No" }]),
  });

  test("each with its own truth: one object for each, and one for all", async () => {
    const { truth, other, two, one } = await files();
    const args = ["pope", two, one, "--truth", truth, "--truth", other];
    const printed = JSON.parse(await score(...args, "--json"));
    expect(printed).toMatchObject([
      { file: two, n: 2, accuracy: 1 / 2 },
      { file: one, n: 1, accuracy: 0 },
      { file: null, n: 3, accuracy: 1 / 3 },
    ]);
    expect(await score(...args)).toContain("POPE, all files, rule pope, n = 3");
  });

  test("with one truth they are other answers to the same questions, and have no sum", async () => {
    const { truth, two } = await files();
    const printed = JSON.parse(await score("pope", two, two, "--truth", truth, "--json"));
    expect(printed).toMatchObject([{ n: 2 }, { n: 2 }]);
  });

  test("a number of truths that fits neither is refused", async () => {
    const { truth, other, two } = await files();
    await expect(score("pope", two, "--truth", truth, "--truth", other)).rejects.toThrow(
      "--truth: received 2 for 1 file of answers; expected one",
    );
    await expect(score("pope", two, two)).rejects.toThrow(
      "--truth: received 0 for 2 files of answers; expected one for all, or one for each",
    );
  });
});

describe("MME's official layout: a folder of 14 files with questions, truth and answers", () => {
  const PERCEPTION = "existence count position color posters celebrity scene landmark artwork OCR";
  const COGNITION = "commonsense_reasoning numerical_calculation text_translation code_reasoning";
  const lines = (last: string) =>
    ["1", "2"].flatMap((image) => [
      `${image}.jpg\tIs it?\tYes\tYes`,
      `${image}.jpg\tIs it not?\tNo\t${image === "1" ? "No." : last}`,
    ]);
  const folderOf = async (files: Readonly<Record<string, string[]>>) => {
    const results = join(folder, "your_results");
    await mkdir(results);
    await writeFile(join(results, "README.md"), "no rows");
    for (const [name, rows] of Object.entries(files)) {
      await writeFile(join(results, `${name}.txt`), `${rows.join("\n")}\n`);
    }
    return results;
  };

  test("perception and cognition are summed: 10 x (100 + 100) and 4 x (75 + 50)", async () => {
    const results = await folderOf(
      Object.fromEntries([
        ...PERCEPTION.split(" ").map((name) => [name, lines("no")]),
        ...COGNITION.split(" ").map((name) => [name, lines("Yes")]),
      ]),
    );
    const printed = JSON.parse(await score("mme", results, "--json"));
    expect(printed).toMatchObject({
      n: 56,
      perception_score: 2000,
      cognition_score: 500,
      score: 2500,
      withoutAnswer: 0,
    });
    expect(printed.groups).toHaveLength(16);
    expect(printed.groups).toContainEqual(
      expect.objectContaining({ by: "tag", group: "reasoning", n: 16 }),
    );
    const text = await score("mme", results);
    expect(text).toMatch(/OCR +100\.0% +100\.0% +200\.00 +4/);
    expect(text).toMatch(/tag reasoning +75\.0% +50\.0% +500\.00 +16/);
  });

  test("the files one by one, and together", async () => {
    const results = await folderOf({ existence: lines("no"), count: lines("Yes") });
    const paths = ["existence", "count"].map((name) => join(results, `${name}.txt`));
    const printed = JSON.parse(await score("mme", ...paths, "--json"));
    expect(printed).toMatchObject([
      { score: 200 },
      { score: 125 },
      { file: null, score: 325, perception_score: 325, cognition_score: null },
    ]);
  });

  test("a fault names the file within the folder", async () => {
    const results = await folderOf({
      existence: lines("no"),
      count: ["1.jpg\tIs it?\tMaybe\tYes"],
    });
    await expect(score("mme", results)).rejects.toThrow(
      'your_results/count.txt line 1: received truth "Maybe"',
    );
  });
});

test("a file that is missing or no text is named", async () => {
  await expect(score("pope", "none.jsonl", "--truth", "none.jsonl")).rejects.toThrow(
    "none.jsonl: cannot be read; check the path",
  );
  const binary = join(folder, "binary.jsonl");
  await writeFile(binary, Uint8Array.of(0xff, 0xfe, 0x00));
  await expect(score("pope", binary, "--truth", binary)).rejects.toThrow("not UTF-8 text");
});

test("generate-pope writes a file that score takes as truth", async () => {
  const objects = await file("objects.json", {
    a: ["dog", "cat"],
    b: ["car", "cup"],
    c: ["fork", "cup"],
  });
  const out = join(folder, "pope.jsonl");
  await expect(
    generatePopeCommand().parseAsync([objects, "--out", out], { from: "user" }),
  ).rejects.toThrow(/0 images show at least 3 objects/);
  const more = await file("more.json", {
    a: ["dog", "cat", "bird"],
    b: ["car", "cup", "fork"],
  });
  await generatePopeCommand().parseAsync([more, "--strategy", "adversarial", "--out", out], {
    from: "user",
  });
  expect((await readFile(out, "utf8")).trim().split("\n")).toHaveLength(12);
});
