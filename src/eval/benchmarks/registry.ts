import { InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";
import { amber, amberDiscriminative, amberGenerative } from "./amber.js";
import { chair } from "./chair.js";
import { colours } from "./colours.js";
import { counting } from "./counting.js";
import { dashB } from "./dash-b.js";
import { hallusionBench } from "./hallusionbench.js";
import { mme } from "./mme.js";
import { mmhal } from "./mmhal.js";
import { pope } from "./pope.js";
import { haloQuest, mathVision, mathVista, mmmu, questionAnswer } from "./question-answer.js";
import { rubric } from "./rubric.js";

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
  dashB,
  rubric,
  questionAnswer,
  mathVista,
  mmmu,
  mathVision,
  haloQuest,
  colours,
  counting,
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
