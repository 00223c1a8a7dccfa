import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { importFailure } from "../src/errors.js";

const root = fileURLToPath(new URL("..", import.meta.url));
let project: string;

/** A project that installed the package and nothing beside it: only what the package itself asks for is there. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "groundsight-bare-"));
  const modules = join(project, "node_modules");
  const place = join(modules, "groundsight");
  await mkdir(place, { recursive: true });
  await cp(join(root, "dist"), join(place, "dist"), { recursive: true });
  await cp(join(root, "package.json"), join(place, "package.json"));
  await symlink(join(root, "pocket"), join(place, "pocket"), "junction");
  const optional = Object.keys(packageJson.peerDependencies);
  const names = (await readdir(join(root, "node_modules"))).filter((name) => !name.startsWith("."));
  for (const name of names) {
    const inner = name.startsWith("@") ? await readdir(join(root, "node_modules", name)) : [];
    const paths = name.startsWith("@") ? inner.map((one) => `${name}/${one}`) : [name];
    for (const path of paths) {
      if (optional.includes(path) || path === "groundsight") continue;
      await mkdir(dirname(join(modules, path)), { recursive: true });
      await symlink(join(root, "node_modules", path), join(modules, path), "junction");
    }
  }
});
afterAll(() => rm(project, { recursive: true, force: true }));

async function run(program: string): Promise<string> {
  await writeFile(join(project, "main.mjs"), program);
  const { stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], {
    cwd: project,
    encoding: "utf8",
  });
  return stdout + stderr;
}

test("what is optional is no dependency, and of one version for users and for this repository", () => {
  const optional = Object.entries(packageJson.peerDependenciesMeta);
  expect(optional.every(([, { optional: isOptional }]) => isOptional)).toBe(true);
  const dependencies: Record<string, string> = packageJson.dependencies;
  const developed: Record<string, string> = packageJson.devDependencies;
  for (const [name, range] of Object.entries(packageJson.peerDependencies)) {
    expect(dependencies[name]).toBeUndefined();
    expect(range).toBe(`^${developed[name]}`);
  }
});

test("without ONNX Runtime everything imports, and loading a model says what to install", async () => {
  const text = await run(`
    import { load, GroundsightError } from "groundsight";
    import "groundsight/core";
    import "groundsight/eval";
    import { fakeModel } from "groundsight/testing";
    console.log((await fakeModel({ respond: () => "Yes" }).generate({ prompt: "?" })).text);
    for (const options of [{}, { worker: true }]) {
      await load("pocket", options).catch((error) =>
        console.log(GroundsightError.isInstance(error), error.code, error.message));
    }`);
  const error =
    "true UNSUPPORTED_CAPABILITY running a model needs the package onnxruntime-node, which is not installed; run: " +
    `npm install onnxruntime-node@${packageJson.devDependencies["onnxruntime-node"]} --ignore-scripts\n`;
  expect(text).toBe(`Yes\n${error}${error}`);
});

test("a program that bundles the package builds without the optional ones, and says the same", async () => {
  await writeFile(
    join(project, "bundled.mjs"),
    `import { load } from "groundsight";
    import "groundsight/eval";
    await load(${JSON.stringify(join(root, "pocket/llava"))}).catch(({ message }) => console.log(message));`,
  );
  const { outputFiles } = await build({
    entryPoints: [join(project, "bundled.mjs")],
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["sharp"],
    // Links lead to this repository, where everything is installed.
    preserveSymlinks: true,
    write: false,
    logLevel: "silent",
  });
  expect(await run(outputFiles[0]!.text)).toMatch(
    /^running a model needs the package onnxruntime-node, which is not installed; run: npm install/,
  );
});

test("without DuckDB only the query of results fails, and says what to install", async () => {
  await mkdir(join(project, "runs", "a"), { recursive: true });
  await writeFile(join(project, "runs", "a", "settings.json"), "{}");
  const cli = join(project, "node_modules", "groundsight", "dist", "cli", "main.js");
  const results = (...flags: string[]) =>
    spawnSync(process.execPath, [cli, ...flags], { cwd: project, encoding: "utf8" });
  expect(results("--help").status).toBe(0);
  const { status, stderr } = results("results", "runs");
  expect(stderr).toContain(
    `npm install @duckdb/node-api@${packageJson.devDependencies["@duckdb/node-api"]}`,
  );
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(2);
});

test("without Observable Plot only drawing fails, before a model is loaded, and says what to install", () => {
  const cli = join(project, "node_modules", "groundsight", "dist", "cli", "main.js");
  const { status, stderr } = spawnSync(
    process.execPath,
    [cli, "diagnose", "elbow", "--out", "findings"],
    { cwd: project, encoding: "utf8" },
  );
  const { devDependencies } = packageJson;
  expect(stderr).toContain(
    `npm install @observablehq/plot@${devDependencies["@observablehq/plot"]} linkedom@${devDependencies.linkedom}`,
  );
  expect(status).toBe(2);
});

test("without the MCP SDK the server for its clients does not start, and says what to install", () => {
  const cli = join(project, "node_modules", "groundsight", "dist", "cli", "main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "mcp"], {
    cwd: project,
    encoding: "utf8",
  });
  expect(stderr).toContain(
    `npm install @modelcontextprotocol/server@${packageJson.devDependencies["@modelcontextprotocol/server"]}`,
  );
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});

test("a package that is there but cannot be loaded is told from one that is missing", () => {
  const broken = { name: "native", version: "1.0.0", use: "this" };
  expect(importFailure(broken, new Error("invalid ELF header")).message).toBe(
    "this needs the package native, which cannot be loaded: invalid ELF header. Install it again for this platform: npm install native@1.0.0",
  );
});
