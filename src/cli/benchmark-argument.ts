import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { BENCHMARKS, type Benchmark, benchmarkNamed, defineBenchmark } from "../eval/index.js";
import { GroundsightError, InvalidArgumentError } from "../index.js";

/** What the argument may be, for help. */
export const BENCHMARK_ARGUMENT: string = `${BENCHMARKS.map(({ name }) => name).join(", ")}; or the path of a module of your own (./my-benchmark.mjs)`;

/** Said of modules in the help of commands that take one. */
export const MODULE_HELP = `A benchmark of your own is code that runs as you do: name only modules that you trust.`;

const SCRIPT = /\.[cm]?[jt]s$/i;
const TYPESCRIPT = /\.[cm]?ts$/i;

/**
 * The benchmark of a name, or the default export of a module where the name is a path.
 *
 * @throws InvalidArgumentError naming the path and what is wrong with it, or listing the names there are
 */
export async function benchmarkFrom(text: string): Promise<Benchmark> {
  if (!isModule(text)) return benchmarkNamed(text);
  if (!SCRIPT.test(text)) {
    throw refusal(text, "expected the path of a module that ends in .mjs, .js or .ts");
  }
  if (!existsSync(text)) throw refusal(text, "there is no such file; check the path");
  const { default: declared } = await imported(text);
  if (declared === undefined) {
    throw refusal(
      text,
      "it has no default export; expected export default defineBenchmark({ ... })",
    );
  }
  const benchmark = benchmarkOf(text, declared);
  if (BENCHMARKS.some(({ name }) => name === benchmark.name)) {
    throw refusal(
      text,
      `its name, ${benchmark.name}, is that of another benchmark; choose another`,
    );
  }
  return benchmark;
}

/** True for what is the path of a module, and no benchmark's name. */
export function isModule(text: string): boolean {
  return SCRIPT.test(text) || /[\\/]/.test(text);
}

async function imported(path: string): Promise<{ readonly default?: unknown }> {
  const { typescript = false } = process.features as { readonly typescript?: unknown };
  if (TYPESCRIPT.test(path) && typescript === false) {
    throw refusal(
      path,
      `Node ${process.versions.node} cannot run TypeScript; use Node 22.18 or later, or write the module as .mjs`,
    );
  }
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  } catch (cause) {
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    const isLost = /Cannot find package 'groundsight'/.test(why);
    const remedy = isLost
      ? "; install groundsight beside it, or export what defineBenchmark takes, which needs no import"
      : "; mend the module";
    // The module's own defineBenchmark has said by name what is wrong.
    const said = GroundsightError.isInstance(cause) ? cause.message : `it fails on import (${why})`;
    throw refusal(path, GroundsightError.isInstance(cause) ? said : said + remedy, cause);
  }
}

/** A benchmark as it is, or as it is declared. */
function benchmarkOf(path: string, value: unknown): Benchmark {
  if (isBenchmark(value)) return value;
  try {
    return defineBenchmark(value as Parameters<typeof defineBenchmark>[0]);
  } catch (cause) {
    if (!GroundsightError.isInstance(cause)) throw cause;
    throw refusal(path, `its default export is no benchmark: ${cause.message}`, cause);
  }
}

function isBenchmark(value: unknown): value is Benchmark {
  const { name, rules, metrics, load } = (value ?? {}) as Partial<Benchmark>;
  return (
    typeof name === "string" &&
    Array.isArray(rules) &&
    Array.isArray(metrics) &&
    typeof load === "function"
  );
}

function refusal(path: string, why: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`benchmark ${path}: ${why}`, { cause });
}
