import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import type { Command } from "commander";
import { BENCHMARKS, type Benchmark, runModules } from "../eval/index.js";
import { InvalidArgumentError } from "../index.js";
import { benchmarkFrom, MODULE_HELP } from "./benchmark-argument.js";
import { say } from "./report-failure.js";

/** Adds the option that names the modules of runs' own benchmarks. */
export function addBenchmarkOption(command: Command): Command {
  return command
    .option("--benchmark <module...>", "modules of the benchmarks of your own that were asked")
    .addHelpText("after", `\n${MODULE_HELP}`);
}

/**
 * The benchmarks there are, and those of modules. Of a module that is not what a run was asked with it is said that
 * figures are by what it is now.
 *
 * @param runs folders of the runs that are looked at
 * @throws InvalidArgumentError when a run was asked with a module that is not named, with its path
 */
export async function runBenchmarks(
  modules: readonly string[],
  runs: readonly string[],
): Promise<Benchmark[]> {
  const own = new Map<string, string>();
  const benchmarks: Benchmark[] = [...BENCHMARKS];
  for (const path of modules) {
    const benchmark = await benchmarkFrom(path);
    benchmarks.push(benchmark);
    own.set(benchmark.name, path);
  }
  for (const run of runs) {
    for (const { benchmark, path, sha256 } of await runModules(run)) {
      const given = own.get(benchmark);
      if (given === undefined) {
        const named = relative(".", path);
        throw new InvalidArgumentError(
          `${run}: was asked with a benchmark of its own, ${benchmark}, of ${named}; if you trust that module, name it: --benchmark ${named}`,
        );
      }
      const held = createHash("sha256").update(await readFile(given));
      if (held.digest("hex") === sha256) continue;
      say(`${given} is not what ${run} was asked with; figures are by what it is now`);
    }
  }
  return benchmarks;
}
