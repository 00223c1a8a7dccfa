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

/**
 * Refuses a prompt that a benchmark does not have.
 *
 * @param prompt undefined for the benchmark's first
 * @throws InvalidArgumentError listing the prompts there are
 */
export function requirePrompt({ name, prompts = [] }: Benchmark, prompt: string | undefined): void {
  if (prompt === undefined || prompts.includes(prompt)) return;
  const known = prompts.length === 0 ? "one wording of its questions" : prompts.join(", ");
  throw new InvalidArgumentError(`prompt: received ${prompt}; ${name} has ${known}`);
}

/** True when a rule of a benchmark scores a judge's verdict. */
export function isJudged({ judgedRules = [] }: Benchmark, rule: string): boolean {
  return judgedRules.includes(rule);
}
