import { InvalidArgumentError } from "../errors.js";
import type { Benchmark } from "./benchmark.js";
import { amber, amberDiscriminative, amberGenerative } from "./benchmarks/amber.js";
import { chair } from "./benchmarks/chair.js";
import { colours } from "./benchmarks/colours.js";
import { counts } from "./benchmarks/counts.js";
import { hallusionBench } from "./benchmarks/hallusionbench.js";
import { mme } from "./benchmarks/mme.js";
import { mmhal } from "./benchmarks/mmhal.js";
import { pope } from "./benchmarks/pope.js";
import { rubric } from "./benchmarks/rubric.js";

/** All benchmarks. A new one is a file in `benchmarks/` and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [
  pope,
  chair,
  amber,
  amberGenerative,
  amberDiscriminative,
  mme,
  mmhal,
  hallusionBench,
  rubric,
  colours,
  counts,
];

/**
 * The benchmark of a name.
 *
 * @throws InvalidArgumentError listing the names there are
 */
export function benchmarkNamed(name: string): Benchmark {
  const found = BENCHMARKS.find((benchmark) => benchmark.name === name);
  if (found !== undefined) return found;
  const names = BENCHMARKS.map((benchmark) => benchmark.name).join(", ");
  throw new InvalidArgumentError(`benchmark: received ${name}; expected one of ${names}`);
}
