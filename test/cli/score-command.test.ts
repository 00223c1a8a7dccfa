import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
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
