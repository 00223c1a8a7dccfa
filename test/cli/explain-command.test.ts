/** `groundsight explain`, from a clean folder. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Explanation } from "../../src/diagnose/index.js";
import { checkTrace } from "../../trace-page/check-trace.js";
import { CHECKPOINTS } from "../checkpoints.js";
import { main } from "./groundsight.js";

const image = fileURLToPath(new URL("../../pocket/demo/dev_000010.png", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-explain-"));
});
afterAll(() => rm(folder, { recursive: true }));

function explain(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const cache = { GROUNDSIGHT_CACHE: join(folder, "cache") };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "explain", ...args], {
    encoding: "utf8",
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", ...cache },
  });
  return { status, stdout, stderr };
}

/** What the JSON tells besides the explanation, and the page does not show. */
const LEFT_OUT = { images: undefined, version: undefined };

const linesOf = (text: string) => text.trimEnd().split("\n");

test("shows the answer with marks, a line for each token, and what they mean; leaves nothing behind", async () => {
  const { status, stdout, stderr } = explain(image, "Describe the image.");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const [answer, table, legend] = stdout.split("\n\n").map(linesOf);
  expect(answer![0]).toMatch(/^The image shows a bottle\+ that is green, /);
  const columns = "token p entropy |V_head| k noise no image base rank shift";
  expect(table![0]!.replaceAll(/ +/g, " ")).toBe(columns);
  const words = table!.slice(1).map((line) => line.split(/ +/));
  expect(words.map(([token]) => token).join("")).toBe(
    answer![0]!.replaceAll(/[ +]|-(?=[ ,.])/g, ""),
  );
  const bottle = words.find(([token]) => token === "bottle")!;
  expect(Number(bottle[6])).toBeGreaterThan(1);
  expect(Number(bottle[7])).toBeGreaterThan(0);
  expect(legend!.at(-1)).toBe("base rank: how many tokens pocket-base finds likelier");
  expect(await readdir(folder)).toEqual([]);
});

test("marks what the image speaks against in an answer that is given", () => {
  const given = ["--answer", "The image shows a bottle and a fork.", "--threads", "1"];
  const { stdout } = explain(image, "Describe the image.", ...given, "--base", "self");
  expect(stdout).toMatch(/^The image shows a bottle\+ and-? a-? fork-\.\n/);
  expect(stdout).toContain("the model without the image (an approximation");
});

test("draws where in the picture words for objects have their support", () => {
  const given = ["--answer", "A bottle.", "--base", "none", "--threads", "1"];
  const asked = [image, "Describe the image.", ...given];
  const { stdout } = explain(...asked, "--map", "occlusion", "--cells", "3");
  expect(stdout).toMatch(
    /\nbottle\n\d+\.\d\d nats\n[a-z]+ [a-z]+\n┌─{6}┐\n(│[ ░▒▓█]{6}│\n){3}└─{6}┘\n/,
  );
  const { status, stderr } = explain(...asked, "--cells", "3");
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining("use it with --map occlusion"),
  });
  const attention = explain(...asked, "--map", "attention", "--cells", "3");
  expect(attention.stderr).toContain("the cells of the image's features");
  expect(attention.status).toBe(2);
});

test("colours say the same as marks", () => {
  const { NO_COLOR: _, ...environment } = process.env;
  const { stdout } = spawnSync(
    process.execPath,
    [main, "explain", image, "Describe the image.", "--max-tokens", "5"],
    { encoding: "utf8", env: { ...environment, FORCE_COLOR: "1" } },
  );
  expect(stdout).toContain("\u001b[32mbottle+\u001b[39m");
});

test("prints JSON, and writes a trace and a page with the image in it", async () => {
  const trace = join(folder, "trace.json");
  const page = join(folder, "trace.html");
  const asked = [
    image,
    "Is there a bottle?",
    "--seed",
    "3",
    "--noise-step",
    "700",
    "--beta",
    "0.5",
  ];
  const { status, stdout } = explain(...asked, "--json", "--out", trace, "--page", page);
  expect(status).toBe(0);
  const printed = JSON.parse(stdout) as Explanation;
  expect(printed).toMatchObject({
    schemaVersion: 1,
    model: { id: "pocket" },
    base: { id: "pocket-base", kind: "base-llm" },
    answer: "Yes",
    seed: 3,
    settings: { beta: 0.5, noiseStep: 700 },
    image: { width: 96, height: 96 },
    images: [image],
  });
  const { image: shown, ...written } = JSON.parse(await readFile(trace, "utf8")) as Explanation;
  expect({ ...written, image: printed.image }).toEqual(printed);
  expect(shown!.dataUrl).toMatch(/^data:image\/webp;base64,\w/);
  const text = await readFile(trace, "utf8");
  expect(checkTrace(text)).toEqual({ trace: { ...written, image: shown, ...LEFT_OUT } });
  const [, within] = /id="trace">(.*?)<\/script>/s.exec(await readFile(page, "utf8"))!;
  expect(JSON.parse(within!)).toEqual(JSON.parse(text));
  await rm(trace);
  await rm(page);
});

test("tells further signals of its phrases, and refuses what is none by name", () => {
  const given = [image, "Describe the image.", "--answer", "A bottle and a fork.", "--json"];
  const { stdout } = explain(...given, "--signals", "logitLens");
  const { phrases } = JSON.parse(stdout) as Explanation;
  const [bottle, fork] = phrases.map(({ signals }) => signals.logitLens!);
  expect(bottle).toBeLessThan(0);
  expect(bottle).toBeGreaterThan(fork!);
  const { status, stderr } = explain(...given, "--signals", "luck");
  expect(status).toBe(2);
  expect(stderr).toContain('received "luck"');
});

test("a question without an image has no columns of one", () => {
  const { stdout } = explain("Name a colour.", "--max-tokens", "3");
  expect(linesOf(stdout)[2]).toMatch(/^token +p +entropy +\|V_head\| +k +base rank +shift$/);
  expect(stdout).not.toContain("noise");
});

test("a model whose base is not known is held against itself, and says so", () => {
  const path = `${CHECKPOINTS}llava-concat`;
  const { status, stdout } = explain(image, "A dog?", "--answer", "Yes", "--model", path);
  expect(status).toBe(0);
  expect(stdout).toMatch(/no base LLM is known for .*an approximation; --base names one\n$/);
});

describe("says what is wrong, with the status of wrong use or failure", () => {
  test.each<[string, number, string[]]>([
    ["noise step: received 1000", 2, [image, "A?", "--noise-step", "1000"]],
    ["answer: received ''", 2, [image, "A?", "--answer", ""]],
    ["</s>", 2, [image, "A?", "--answer", "Yes</s>"]],
    ["question: missing", 2, [image]],
    ["text model: received 'nowhere'", 1, [image, "A?", "--base", "nowhere"]],
    ["cannot write", 2, [image, "A?", "--answer", "Yes", "--out", "no/folder/trace.json"]],
    [
      "have different tokenizers",
      2,
      [
        image,
        "A?",
        "--answer",
        "Yes",
        "--model",
        `${CHECKPOINTS}llava-concat`,
        "--base",
        "pocket-base",
      ],
    ],
  ])("%s", (message, expected, args) => {
    const { status, stdout, stderr } = explain(...args);
    expect(stderr).toContain(message);
    expect({ status, stdout, lines: linesOf(stderr).length }).toEqual({
      status: expected,
      stdout: "",
      lines: 1,
    });
  });
});
