import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build as esbuild } from "esbuild";
import { build as vite } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const image = join(root, "pocket/bench/dev/images/dev_000008.png");

/** A server's program: a model in this thread, one in a worker. What fails is told. */
const PROGRAM = `
import { load } from "groundsight";
async function main() {
  for (const options of [{ threads: 1 }, { threads: 1, worker: true }]) {
    try {
      const model = await load("pocket", options);
      const image = ${JSON.stringify(image)};
      const { text } = await model.generate({ image, prompt: "Is there a dog in the image?" });
      console.log(text);
      await model.dispose();
    } catch (error) {
      console.log(error.code, error.message);
    }
  }
}
main();
`;
/** Packages that no bundler can take in. */
const NATIVE = ["onnxruntime-node", "sharp"];
const ANSWERS = /^(Yes|No)\n(Yes|No)\n$/;

/** A project that has the package, and its bundles. */
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "groundsight-bundles-"));
  await mkdir(join(project, "node_modules"));
  for (const name of ["groundsight", ...NATIVE]) {
    const place = name === "groundsight" ? root : join(root, "node_modules", name);
    await symlink(place, join(project, "node_modules", name), "junction");
  }
  await writeFile(join(project, "server.mjs"), PROGRAM);
});
afterAll(() => rm(project, { recursive: true, force: true }));

function run(file: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, [file], {
    cwd: project,
    encoding: "utf8",
  });
  return stdout + stderr;
}

describe("esbuild", () => {
  async function bundled(outfile: string, options: BuildOptions): Promise<string> {
    await esbuild({
      entryPoints: [join(project, "server.mjs")],
      bundle: true,
      platform: "node",
      outfile: join(project, outfile),
      logLevel: "silent",
      ...options,
    });
    return run(outfile);
  }

  test.each(["esm", "cjs"] as const)(
    "groundsight kept out of the bundle: all works (%s)",
    async (format) => {
      const outfile = `external.${format === "esm" ? "mjs" : "cjs"}`;
      expect(await bundled(outfile, { format, external: ["groundsight"] })).toMatch(ANSWERS);
    },
  );

  test.each(["esm", "cjs"] as const)(
    "groundsight in the bundle: what needs files of the package says what to do (%s)",
    async (format) => {
      const text = await bundled(`whole.${format === "esm" ? "mjs" : "cjs"}`, {
        format,
        external: NATIVE,
      });
      const lines = text.split("\n").filter((line) => line.includes("docs/bundlers.md"));
      expect(lines, text).toHaveLength(2);
      for (const line of lines) {
        expect(line).toMatch(
          /^UNSUPPORTED_CAPABILITY (the model 'pocket'|the worker of a model) is a file/,
        );
        expect(line).toContain("--external:groundsight");
      }
    },
  );
});

describe("Vite, server build", () => {
  test("groundsight kept out of the bundle, as packages are by default: all works", async () => {
    await vite({
      root: project,
      configFile: false,
      logLevel: "silent",
      build: {
        ssr: "server.mjs",
        outDir: "vite",
        rollupOptions: { output: { entryFileNames: "server.mjs" } },
      },
      ssr: { external: ["groundsight"] },
    });
    expect(run(join("vite", "server.mjs"))).toMatch(ANSWERS);
  });
});
