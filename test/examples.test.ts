import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const room = "pocket/bench/dev/images/dev_000008.png";
const bus = "pocket/bench/dev/images/dev_000145.png";

describe("programs, run against the built package", () => {
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "groundsight-examples-"));
    await mkdir(join(project, "node_modules"));
    await symlink(root, join(project, "node_modules", "groundsight"), "junction");
    const peer = "node_modules/@huggingface";
    await symlink(join(root, peer), join(project, peer), "junction");
    const names = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));
    await build({
      entryPoints: names.map((name) => join(root, "examples", name)),
      outdir: project,
      outExtension: { ".js": ".mjs" },
      format: "esm",
      target: "node20",
      tsconfigRaw: {},
    });
  });
  afterAll(() => rm(project, { recursive: true }));

  /** Lines that an example prints. */
  function run(name: string, ...args: string[]): string[] {
    const program = join(project, `${name}.mjs`);
    const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.trim().split("\n");
  }

  test("ask", () => {
    expect(run("ask", room)).toEqual([expect.stringMatching(/^(Yes|No) -?\d/)]);
  });

  test("stock-transformers: a method in a model of transformers.js", () => {
    expect(run("stock-transformers", `${root}pocket/llava`, room)).toEqual([
      expect.stringMatching(/^ ?(Yes|No)/),
    ]);
  });

  test("stream", () => {
    const [text, facts] = run("stream", bus);
    expect(text).toMatch(/^The image shows /);
    expect(facts).toMatch(/^\d+ tokens, [\d.]+ ms each$/);
  });

  test("batch: every answer as it comes, its pieces are its text, and the failure is named", () => {
    const lines = run("batch", bus);
    const said = lines.slice(0, 6).map((line) => line.replace(/ (The .*|Yes|No)$/, ""));
    const questions = [
      "Is there a dog in the image?",
      "Is there a cat in the image?",
      "What colour is the bus?",
    ];
    expect(said.sort()).toEqual(
      questions.flatMap((question) => [`${question} regular`, `${question} vcd`]).sort(),
    );
    expect(lines.slice(6)).toEqual([
      "true",
      "cannot read image missing.png: there is no such file",
    ]);
  });

  test("conversation: a data URL, a Blob, and each turn longer than the last", () => {
    const lines = run("conversation", room, bus);
    const counts = lines.map((line) =>
      /\((\d+) tokens of prompt, (\d+) of images\)$/.exec(line)!.slice(1).map(Number),
    );
    expect(counts.map(([, ofImages]) => ofImages)).toEqual([64, 64, 128]);
    expect(counts[1]![0]).toBeGreaterThan(counts[0]![0]!);
    expect(counts[2]![0]).toBeGreaterThan(counts[1]![0]! + 64);
  });

  test("compare: a line for each method", () => {
    const names = run("compare", room).map((line) => line.split(" ")[0]);
    expect(names).toEqual(["regular", "apc", "vcd"]);
  });

  test("explain: a line for each word", () => {
    const [answer, ...lines] = run("explain", bus);
    expect(answer).toMatch(/^The image shows /);
    expect(lines.map((line) => line.split(" ")[0]).join("")).toBe(answer!.replaceAll(" ", ""));
    for (const line of lines) {
      expect(line).toMatch(/ [01]\.\d\d -?\d+\.\d \d+ (unshifted|marginal|shifted)$/);
    }
  });

  test("mount-server", () => {
    const [line] = run("mount-server", "What is red?");
    expect(line).toMatch(/^200 \{"id":"chatcmpl-/);
  });

  test("own-method", () => {
    expect(run("own-method", room)).toEqual([expect.stringMatching(/^(Yes|No)$/)]);
  });

  test("own-edit-method: the early layer changes what is said", () => {
    const [text] = run("own-edit-method", bus);
    const program = join(root, "dist", "cli", "main.js");
    const { stdout } = spawnSync(
      process.execPath,
      [program, "ask", join(root, bus), "Describe the image."],
      { encoding: "utf8" },
    );
    expect(text).toMatch(/^The image shows /);
    expect(text).not.toBe(stdout.trim());
  });

  test("own-attention-method: more of the image is seen", () => {
    const lines = run("own-attention-method", bus);
    const shares = lines.map((line) =>
      Number(/^gain [01]: (\d+)% .*: The image shows /.exec(line)![1]),
    );
    expect(shares).toHaveLength(2);
    expect(shares[1]).toBeGreaterThan(shares[0]!);
    expect(shares[0]).toBeGreaterThan(0);
  });

  test("steer: with directions that the command line has fitted", async () => {
    const folder = join(root, "pocket", "bench", "dev");
    const demos = readFileSync(join(folder, "demonstrations.jsonl"), "utf8").split("\n");
    await writeFile(join(project, "demos.jsonl"), demos.slice(0, 4).join("\n"));
    const out = join(project, "directions.safetensors");
    const fit = ["steer", "fit", "--demos", join(project, "demos.jsonl"), "--maskings", "2"];
    const { status } = spawnSync(
      process.execPath,
      [join(root, "dist/cli/main.js"), ...fit, "--images", join(folder, "images"), "--out", out],
      { encoding: "utf8" },
    );
    expect(status).toBe(0);
    const lines = run("steer", bus, out);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^The image shows /);
  });

  test("contrast-logits: what the image tells beats what the language suggests", () => {
    expect(run("contrast-logits")).toEqual(["banana 0.04", "yellow 0.26", "blue 0.71"]);
  });

  test("score-captions", async () => {
    const captions = [{ image_id: 1, caption: "A dog and a car." }];
    await writeFile(join(project, "captions.json"), JSON.stringify(captions));
    await writeFile(join(project, "objects.json"), JSON.stringify({ 1: ["dog"] }));
    const lines = run(
      "score-captions",
      join(project, "captions.json"),
      join(project, "objects.json"),
    );
    expect(lines.join("\n")).toContain("50");
  });

  test("test-with-fake-model passes as it stands", () => {
    expect(run("test-with-fake-model")).toEqual([""]);
  });
});
