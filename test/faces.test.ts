import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, Script } from "node:vm";
import { build } from "esbuild";
import * as core from "groundsight/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };

const root = fileURLToPath(new URL("..", import.meta.url));

/** Bundles a program that imports the built package, as a web page's build would. */
async function bundle(program: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    platform: "browser",
    format: "iife",
    globalName: "bundled",
    minify: true,
    metafile: true,
    write: false,
    // Without the paths by which this repository's own files find the source.
    tsconfigRaw: {},
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs);
  expect(output!.imports).toEqual([]);
  expect(Object.keys(metafile.inputs)).toContain("dist/errors.js");
  return outputFiles[0]!.text;
}

describe("groundsight/core", () => {
  test("bundles for a browser, whole, with nothing left to import and nothing of Node", async () => {
    const text = await bundle('export * from "groundsight/core";');
    // 242 kB with all methods, 71 of them for the principal components of fitDirections (ml-matrix), 10 for the words of objects.
    expect(text.length).toBeLessThan(255_000);
  });

  test("a page that uses a part of it carries that part", async () => {
    const size = async (names: string) =>
      (await bundle(`export { ${names} } from "groundsight/core";`)).length;
    // 1.2 kB and 57 kB when this was written.
    expect(await size("softmax, diffuse")).toBeLessThan(4_000);
    expect(await size("LocalModel, vcd")).toBeLessThan(80_000);
  });

  test("answers where there are only the web's own globals", async () => {
    const web = { AbortController, AbortSignal, Blob, TextDecoder, TextEncoder, URL, performance };
    const context = createContext({ ...web, setTimeout });
    const text = await bundle(`
      import { LocalModel, vcd } from "groundsight/core";
      import { fakeBackend } from "groundsight/testing";
      export async function answer() {
        const model = new LocalModel(fakeBackend({ respond: () => "Yes, a dog" }));
        const image = Uint8Array.of(1, 2, 3, 4);
        const { text, method } = await model.generate({ image, prompt: "A dog?", method: vcd() });
        return text + " (" + method.name + ", " + typeof process + ")";
      }`);
    new Script(`${text}\nglobalThis.bundled = bundled;`).runInContext(context);
    const { answer } = context.bundled as { answer: () => Promise<string> };
    expect(await answer()).toBe("Yes, a dog (vcd, undefined)");
  });

  test("what it offers; a change here is a change for users", () => {
    expect(Object.keys(core).sort()).toMatchInlineSnapshot(`
      [
        "AbortedError",
        "DESCRIBE_PROMPT",
        "DatasetError",
        "EXIT_STATUS",
        "GroundsightError",
        "InferenceError",
        "InvalidArgumentError",
        "LocalModel",
        "METHODS",
        "ModelLoadError",
        "ORIGINAL_IMAGE",
        "SeededRandom",
        "ShapeError",
        "TASK_DESCRIBE_PROMPT",
        "UNKNOWN_IMAGE",
        "UnsupportedCapabilityError",
        "anyElement",
        "apc",
        "applyPlausibility",
        "askAboutImages",
        "attentionEdit",
        "attentionOutput",
        "attentionScoresEdit",
        "averaging",
        "checkSettings",
        "columnOf",
        "contrast",
        "controlVectorGguf",
        "deco",
        "decodeDirections",
        "described",
        "diffuse",
        "diffusedView",
        "directionWarnings",
        "directionsId",
        "dola",
        "earlierPrompts",
        "earlyExitEdit",
        "earlyExitOutput",
        "encodeDirections",
        "expandImageTokens",
        "fitDirections",
        "fitSubspace",
        "flb",
        "heads",
        "icd",
        "imageAttentionEdit",
        "imageAttentionOutput",
        "imageColumns",
        "layerRange",
        "logSoftmax",
        "m3id",
        "mapImages",
        "mapQuestion",
        "median",
        "methodEntry",
        "methodFromText",
        "methodNamed",
        "methodText",
        "nullu",
        "pai",
        "parseMethodText",
        "plainPositions",
        "questionOf",
        "regular",
        "ritual",
        "selfval",
        "softmax",
        "vaf",
        "vcd",
        "vdd",
        "vdgd",
        "verify",
        "verifyObjects",
        "vista",
        "vti",
        "withoutImages",
      ]
    `);
  });
});

describe("the package as it is installed", () => {
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "groundsight-project-"));
    await mkdir(join(project, "node_modules"));
    await symlink(root, join(project, "node_modules", "groundsight"), "junction");
  });
  afterAll(() => rm(project, { recursive: true }));

  /** Runs a program of a project that has the package among its dependencies. */
  async function run(name: string, program: string) {
    await writeFile(join(project, name), program);
    const { stdout, stderr } = spawnSync(process.execPath, [name], {
      cwd: project,
      encoding: "utf8",
    });
    return { stdout, stderr };
  }

  test("CommonJS requires every face", async () => {
    const { stdout, stderr } = await run(
      "main.cjs",
      `const { load, vcd } = require("groundsight");
      const core = require("groundsight/core");
      const { fakeModel } = require("groundsight/testing");
      const { benchmarkNamed } = require("groundsight/eval");
      console.log(typeof load, vcd === core.vcd, benchmarkNamed("pope").name);
      fakeModel({ respond: () => "Yes" }).generate({ prompt: "?" }).then(({ text }) => console.log(text));`,
    );
    expect(stdout).toBe("function true pope\nYes\n");
    // Node 22 says once that requiring ES modules is experimental; nothing else may be said.
    expect(stderr).not.toContain("Error");
  });

  test("an error's class is told by its code, whichever face it came through", async () => {
    const { stdout } = await run(
      "main.mjs",
      `import { createRequire } from "node:module";
      import { GroundsightError, vcd } from "groundsight";
      const required = createRequire(import.meta.url)("groundsight/core");
      try { required.vcd({ alpha: -1 }); } catch (error) { console.log(GroundsightError.isInstance(error), error.code); }`,
    );
    expect(stdout).toBe("true INVALID_ARGUMENT\n");
  });

  test("nothing behind the faces can be imported", async () => {
    for (const path of ["engine/method.js", "dist/engine/method.js", "node/load.js"]) {
      const { stderr } = await run("deep.mjs", `await import("groundsight/${path}");`);
      expect(stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
    }
  });
});

describe("the packed files", () => {
  let packed: Set<string>;
  beforeAll(() => {
    // What is built is there already (global-setup); building it again would disturb other tests.
    const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const { stdout } = spawnSync("npm", args, { cwd: root, encoding: "utf8", shell: true });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    packed = new Set(files.map(({ path }) => path));
  });

  test("hold what every face leads to, code and types", () => {
    const { "./package.json": _, ...faces } = packageJson.exports;
    const names = [
      ".",
      "./core",
      "./testing",
      "./eval",
      "./transformers",
      "./diagnose",
      "./server",
      "./ai-sdk",
    ];
    expect(Object.keys(faces)).toEqual(names);
    const reached = new Set<string>();
    const follow = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      const text = readFileSync(join(root, path), "utf8");
      for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
        const file = posix.join(posix.dirname(path), target!);
        follow(path.endsWith(".d.ts") ? file.replace(/\.js$/, ".d.ts") : file);
      }
    };
    for (const { types, default: code } of Object.values(faces)) {
      follow(posix.normalize(types));
      follow(posix.normalize(code));
    }
    expect(reached.size).toBeGreaterThan(200);
    expect([...reached].filter((path) => !packed.has(path))).toEqual([]);
  });

  test("hold the program, the pocket model and the licences, and no generators of test checkpoints", () => {
    const needed = [
      "dist/cli/main.js",
      "pocket/llava/onnx/decoder_model_merged.onnx",
      "LICENSE",
      "NOTICE",
    ];
    expect(needed.filter((path) => !packed.has(path))).toEqual([]);
    expect([...packed].filter((path) => /synthetic|^(src|test)\//.test(path))).toEqual([]);
  });
});
