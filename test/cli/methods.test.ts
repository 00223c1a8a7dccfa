import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METHODS } from "groundsight";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHECKPOINTS as TINY } from "../checkpoints.js";
import { CHECKPOINTS } from "../global-setup.js";
import { groundsight, main, model } from "./groundsight.js";

const short = [...model, "--max-tokens", "6"];

let folder: string;
let image: string;
let directions: string;
let fitting: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "groundsight-methods-"));
  await mkdir(join(folder, "images"));
  for (const [i, factor] of [97, 31, 53, 7].entries()) {
    const noise = Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, k) => (k * factor) % 256));
    await sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toFile(join(folder, "images", `${i}.png`));
  }
  image = join(folder, "images", "0.png");
  const demos = [0, 1, 2, 3].map((i) => ({
    image: `${i}.png`,
    caption: "a dog",
    hallucinated: "a dog and a cat",
  }));
  const path = join(folder, "demos.jsonl");
  await writeFile(path, demos.map((demo) => JSON.stringify(demo)).join("\n"));
  directions = join(folder, "directions.safetensors");
  const fit = ["steer", "fit", "--demos", path, "--images", join(folder, "images")];
  fitting = [...fit, "--out", directions, "--maskings", "2", ...model];
  expect(groundsight(...fitting)).toMatchObject({ status: 0 });
});
afterAll(() => rm(folder, { recursive: true }));

const ask = (...args: string[]) => groundsight("ask", image, "What is this?", ...short, ...args);
const asked = (...args: string[]) => JSON.parse(ask(...args, "--json").stdout);

describe("steer fit", () => {
  test("shows a bar on a terminal", () => {
    const terminal = "data:text/javascript,process.stderr.isTTY=true";
    const { stderr, status } = spawnSync(
      process.execPath,
      ["--import", terminal, main, ...fitting],
      { encoding: "utf8" },
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/\u2588[^\n]* of 4 demonstrations/);
  });

  test("the path is the last line where warnings are shown among the lines, as on a terminal", () => {
    const both = join(folder, "both.txt");
    const file = openSync(both, "w");
    const stdio = ["ignore", file, file] as const;
    expect(spawnSync(process.execPath, [main, ...fitting], { stdio: [...stdio] }).status).toBe(0);
    closeSync(file);
    const lines = readFileSync(both, "utf8").trimEnd().split("\n");
    expect(lines.at(-1)).toBe(directions);
    expect(lines.at(-2)).toMatch(/^groundsight: .* mostly noise/);
  });

  test("warns of noise beside what it prints, as steer inspect does; elsewhere nothing more is said", () => {
    const warning = /^groundsight: text: .* mostly noise: use more demonstrations/m;
    for (const { stdout, stderr } of [
      groundsight(...fitting),
      groundsight("steer", "inspect", directions),
    ]) {
      expect(stderr).toMatch(warning);
      expect(stderr.replaceAll(/^groundsight: (image|text): .*\n/gm, "")).toBe("");
      expect(stdout).toMatch(/image signal\/noise +text norm +text halves cos +text signal\/noise/);
    }
  });
});

describe("steer fit --parts", () => {
  // Its images have their own sizes, and so no fixed places to fit directions of the vision tower for.
  const model = ["--model", `${TINY}qwen2.5-vl-gqa`, "--threads", "1"];
  const fitted = (...flags: string[]) => {
    const out = join(folder, "text.safetensors");
    const demos = ["--demos", join(folder, "demos.jsonl"), "--images", join(folder, "images")];
    return groundsight("steer", "fit", ...demos, ...model, "--out", out, ...flags);
  };

  test("text: the decoder's directions alone, which then steer it and nothing else", () => {
    const { status, stdout } = fitted("--parts", "text");
    expect(status).toBe(0);
    expect(stdout).toContain("text norm");
    expect(stdout).not.toContain("image norm");
    const path = stdout.trimEnd().split("\n").at(-1)!;
    const question = ["ask", image, "What is this?", ...model, "--max-tokens", "6", "--json"];
    const steer = ["--method", "vti", "--steer", path, "--steer-text", "20"];
    const [plain, steered] = [[], steer].map((flags) => {
      const answer = JSON.parse(groundsight(...question, ...flags).stdout);
      return answer.tokens.map(({ id }: { id: number }) => id);
    });
    expect(steered).not.toEqual(plain);
  });

  test("both: refused where images have no fixed size, with what to do", () => {
    const { status, stdout, stderr } = fitted();
    expect({ status: status === 0, stdout }).toEqual({ status: false, stdout: "" });
    expect(stderr).toContain("takes each image in its own size, as patches");
  });

  test("another word is refused", () => {
    const { status, stderr } = fitted("--parts", "image");
    expect(status).not.toBe(0);
    expect(stderr).toContain("both, text");
  });
});

describe("ask --method vti", () => {
  test("steers by the paper's strengths, by flags, and by settings behind the name", () => {
    const steer = ["--method", "vti", "--steer", directions];
    const { method } = asked(...steer);
    expect(method).toMatchObject({
      name: "vti",
      settings: { image: 0.4, text: 0.4, method: { name: "regular", settings: {} } },
    });
    expect(method.settings.directions).toMatch(/^[0-9a-f]{64}$/);
    const flags = [...steer, "--steer-image", "-2", "--steer-text", "3"];
    expect(asked(...flags).method.settings).toMatchObject({ image: -2, text: 3 });
    const written = ["--method", "vti:image=0.9", "--steer", directions];
    expect(asked(...written).method.settings).toMatchObject({ image: 0.9, text: 0.4 });
    const { status, stderr } = ask(...written, "--steer-image", "0.1");
    expect(status).toBe(2);
    expect(stderr).toContain("--steer-image");
  });

  test("changes the scores; by strength 0 it does not", () => {
    const steer = ["--method", "vti", "--steer", directions, "--steer-image"];
    const logprobs = (...args: string[]) =>
      asked(...args).tokens.map((token: { logprob: number }) => token.logprob);
    const stock = logprobs();
    expect(logprobs(...steer, "0", "--steer-text", "0")).toEqual(stock);
    expect(logprobs(...steer, "0.4", "--steer-text", "0.4")).not.toEqual(stock);
  });

  test("without directions says how to make them", () => {
    for (const method of ["vti", "vti+vcd", "averaging+vti"]) {
      const { status, stdout, stderr } = ask("--method", method);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain("--steer <file>; make one with 'groundsight steer fit'");
    }
  });

  test("directions that are missing, broken or another model's are refused", async () => {
    const broken = join(folder, "broken.safetensors");
    await writeFile(broken, "nothing");
    for (const path of [join(folder, "none.safetensors"), broken]) {
      const { status, stderr } = ask("--method", "vti", "--steer", path);
      expect({ status, named: stderr.includes(path) }).toEqual({ status: 1, named: true });
    }
    const other = ["--model", `${CHECKPOINTS}group-query`, "--method", "vti"];
    const { status, stderr } = ask(...other, "--steer", directions);
    expect(status).toBe(2);
    expect(stderr).toContain("fit directions on this model");
  });

  test("the line beside the answer names directions in a few characters", () => {
    expect(ask("--method", "vti", "--steer", directions).stderr).toMatch(
      /^vti:directions=[0-9a-f]{4}\.\.\.:image=0\.4:text=0\.4:method=regular: 6 tokens/,
    );
  });

  test("directions steer whatever method is asked for", () => {
    expect(asked("--method", "vcd", "--steer", directions).method).toMatchObject({
      name: "vti",
      settings: { method: { name: "vcd" } },
    });
  });
});

describe("methods that carry others", () => {
  test("vti+vcd and averaging+vcd, with flags for either", () => {
    const steered = ["--method", "vti+vcd:beta=0.2", "--steer", directions, "--alpha", "2"];
    expect(asked(...steered, "--steer-text", "0").method.settings).toMatchObject({
      image: 0.4,
      text: 0,
      method: { name: "vcd", settings: { alpha: 2, beta: 0.2, noiseStep: 500 } },
    });
    expect(asked("--method", "averaging+vcd:noiseStep=700", "--copies", "3").method).toEqual({
      name: "averaging",
      settings: {
        copies: 3,
        noiseStep: 200,
        method: { name: "vcd", settings: { alpha: 1, beta: 0.1, noiseStep: 700 } },
      },
    });
  });

  test("one that carries none says what does", () => {
    const { status, stderr } = ask("--method", "regular+vcd");
    expect(status).toBe(2);
    expect(stderr).toContain("regular carries no other method");
    expect(stderr).toContain("such as averaging+vcd");
  });
});

test("compare shows vti beside the others where there are directions, and leaves it out where not", () => {
  const compare = (...args: string[]) => {
    const { stdout } = groundsight(
      "compare",
      image,
      "What?",
      ...short,
      "--rounds",
      "1",
      "--json",
      ...args,
    );
    return JSON.parse(stdout).answers.map(({ name }: { name: string }) => name);
  };
  // What nullu projects out has a file of its own.
  const steered = Object.keys(METHODS).filter((name) => name !== "nullu");
  expect(compare()).toEqual(steered.filter((name) => name !== "vti"));
  expect(compare("--steer", directions)).toEqual(steered);
  const named = "regular,vti:image=0.8,vti+vcd";
  expect(compare("--steer", directions, "--methods", named)).toEqual(named.split(","));
});

test("eval answers with vti like with any other method, and stores by which directions", async () => {
  const questions = ["yes", "no"].map((label, i) => ({
    question_id: i + 1,
    image: `${i}.png`,
    text: "Is there a dog?",
    label,
  }));
  const data = join(folder, "pope.jsonl");
  await writeFile(data, questions.map((row) => JSON.stringify(row)).join("\n"));
  const out = join(folder, "run");
  const run = ["eval", "pope", "--data", data, "--out", out, "--methods", "vti,vti+vcd", ...model];
  const refused = groundsight(...run);
  expect({ status: refused.status, stdout: refused.stdout }).toEqual({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("groundsight steer fit");
  expect(groundsight(...run, "--steer", directions).status).toBe(0);
  const rows = (await readFile(join(out, "answers.jsonl"), "utf8")).trim().split("\n");
  const methods = rows.map((row) => JSON.parse(row).method);
  expect([...new Set(methods)].sort()).toEqual(["apc", "regular", "vti", "vti+vcd"]);
  const settings = await readFile(join(out, "settings.json"), "utf8");
  expect(settings).toMatch(/"directions": ?"[0-9a-f]{64}"/);
});

test.each(["ask", "compare", "eval"])(
  "help %s lists a flag for every setting of every method",
  (name) => {
    const { stdout } = groundsight("help", name);
    const kebab = (text: string) => text.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const flags = Object.values(METHODS).flatMap(({ settings }) =>
      Object.entries(settings).flatMap(([key, { type, flag }]) =>
        type === "method" ? [] : [flag ?? kebab(key)],
      ),
    );
    expect(new Set(flags).size).toBeGreaterThan(10);
    for (const flag of flags) expect(stdout).toMatch(new RegExp(`^ {2}--${flag} <`, "m"));
    for (const method of Object.keys(METHODS))
      expect(stdout).toMatch(new RegExp(`^ {2}${method}\\b`, "m"));
    expect(stdout).toMatch(/500 for vcd; 200 for\s+averaging/);
    const tooLong = stdout.split("\n").filter((line) => line.length > 110 && !/^ {2}\$/.test(line));
    expect(tooLong).toEqual([]);
  },
);
