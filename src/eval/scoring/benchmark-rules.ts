import { InvalidArgumentError } from "../../errors.js";
import type { Benchmark } from "../contract/benchmark.js";

/**
 * Refuses a rule that a benchmark does not have.
 *
 * @throws InvalidArgumentError listing the rules there are
 */
export function requireRule(benchmark: Benchmark, rule: string): void {
  if (!benchmark.rules.includes(rule)) {
    throw new InvalidArgumentError(
      `rule: received ${rule}; ${benchmark.name} has ${benchmark.rules.join(", ")}`,
    );
  }
}

/** True when a rule of a benchmark scores a judge's verdict. */
export function isJudged({ judgedRules = [] }: Benchmark, rule: string): boolean {
  return judgedRules.includes(rule);
}
