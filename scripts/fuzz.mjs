/**
 * Runs every fuzzer of test/fuzz: modules that export `fuzz(cases, seed)`, which throws at the first case that
 * is neither handled nor refused with a typed error.
 *
 *     npm run fuzz -- [--cases 20000] [--seed 1] [--only data-lines]
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "test", "fuzz");
const names = (await readdir(folder))
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name) => name.slice(0, -3))
  .filter((name) => values.only === undefined || name === values.only);

// Inside the package, so that its dependencies are found.
const built = await mkdtemp(join(root, "node_modules", ".fuzz-"));
try {
  await build({
    entryPoints: names.map((name) => join(folder, `${name}.ts`)),
    outdir: built,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
  for (const name of names) {
    const { fuzz } = await import(pathToFileURL(join(built, `${name}.mjs`)).href);
    if (fuzz === undefined) continue;
    const started = performance.now();
    const tally = await fuzz(Number(values.cases), Number(values.seed));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    process.stdout.write(
      `${name}, seed ${values.seed}: ${JSON.stringify(tally)} in ${seconds} s\n`,
    );
  }
} finally {
  await rm(built, { recursive: true });
}
